-- CreateTable
CREATE TABLE `Order` (
    `id` VARCHAR(191) NOT NULL,
    `key` VARCHAR(255) NOT NULL,
    `customer` VARCHAR(191) NOT NULL,
    `item` TEXT NOT NULL,
    `quantity` INTEGER NOT NULL,
    `total` DECIMAL(65, 30) NOT NULL,
    `big` BIGINT NOT NULL,
    `data` LONGBLOB NULL,
    `createdAt` DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    `shippedAt` DATETIME(3) NULL,

    PRIMARY KEY (`id`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;

-- CreateTable
CREATE TABLE `Account` (
    `id` VARCHAR(191) NOT NULL,
    `balance` INTEGER NOT NULL,
    `version` INTEGER NOT NULL DEFAULT 0,

    PRIMARY KEY (`id`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;

-- CreateTable
CREATE TABLE `idempotency records` (
    `record id` VARCHAR(64) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL,
    `tenant` MEDIUMTEXT NOT NULL,
    `operation` VARCHAR(255) NOT NULL,
    `idempotency_key` VARCHAR(255) NOT NULL,
    `Fingerprint` VARCHAR(64) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL,
    `status` VARCHAR(16) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL,
    `owner_token` VARCHAR(64) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL,
    `attempt` INTEGER NOT NULL DEFAULT 1,
    `lockedUntil` DATETIME(3) NULL,
    `select` LONGTEXT NULL,
    `input` LONGTEXT NULL,
    `created at` DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    `completed at` DATETIME(3) NULL,
    `expires at` DATETIME(3) NOT NULL,

    INDEX `idempotency records_expires at_idx`(`expires at`),
    INDEX `idempotency records_lockedUntil_idx`(`lockedUntil`),
    PRIMARY KEY (`record id`)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;

-- CreateTable
CREATE TABLE `idempotency steps` (
    `of record` VARCHAR(64) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL,
    `step name` VARCHAR(255) NOT NULL,
    `record made at` DATETIME(3) NOT NULL,
    `result` LONGTEXT NOT NULL,
    `made at` DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),

    PRIMARY KEY (`of record`, `step name`)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;
