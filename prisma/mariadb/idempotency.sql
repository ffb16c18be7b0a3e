-- CreateTable
CREATE TABLE `idempotency_record` (
    `id` VARCHAR(64) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL,
    `scope` MEDIUMTEXT NOT NULL,
    `operation` VARCHAR(255) NOT NULL,
    `key` VARCHAR(255) NOT NULL,
    `fingerprint` VARCHAR(64) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL,
    `status` VARCHAR(16) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL,
    `owner` VARCHAR(64) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL,
    `attempt` INTEGER NOT NULL DEFAULT 1,
    `locked_until` DATETIME(3) NULL,
    `response` LONGTEXT NULL,
    `input` LONGTEXT NULL,
    `created_at` DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    `completed_at` DATETIME(3) NULL,
    `expires_at` DATETIME(3) NOT NULL,

    INDEX `idempotency_record_expires_at_idx`(`expires_at`),
    INDEX `idempotency_record_locked_until_idx`(`locked_until`),
    PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;

-- CreateTable
CREATE TABLE `idempotency_step` (
    `record_id` VARCHAR(64) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL,
    `name` VARCHAR(255) NOT NULL,
    `record_created_at` DATETIME(3) NOT NULL,
    `response` LONGTEXT NOT NULL,
    `created_at` DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),

    PRIMARY KEY (`record_id`, `name`)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;
