-- CreateTable
CREATE TABLE "Order" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "key" TEXT NOT NULL,
    "customer" TEXT NOT NULL,
    "item" TEXT NOT NULL,
    "quantity" INTEGER NOT NULL,
    "total" DECIMAL NOT NULL,
    "big" BIGINT NOT NULL,
    "data" BLOB,
    "createdAt" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "shippedAt" DATETIME
);

-- CreateTable
CREATE TABLE "Account" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "balance" INTEGER NOT NULL,
    "version" INTEGER NOT NULL DEFAULT 0
);

-- CreateTable
CREATE TABLE "idempotency records" (
    "record id" TEXT NOT NULL PRIMARY KEY,
    "tenant" TEXT NOT NULL,
    "operation" TEXT NOT NULL,
    "idempotency_key" TEXT NOT NULL,
    "Fingerprint" TEXT NOT NULL,
    "status" TEXT NOT NULL,
    "owner_token" TEXT NOT NULL,
    "attempt" INTEGER NOT NULL DEFAULT 1,
    "lockedUntil" DATETIME,
    "select" TEXT,
    "input" TEXT,
    "created at" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "completed at" DATETIME,
    "expires at" DATETIME NOT NULL
);

-- CreateTable
CREATE TABLE "idempotency steps" (
    "of record" TEXT NOT NULL,
    "step name" TEXT NOT NULL,
    "record made at" DATETIME NOT NULL,
    "result" TEXT NOT NULL,
    "made at" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,

    PRIMARY KEY ("of record", "step name")
);

-- CreateIndex
CREATE INDEX "idempotency records_expires at_idx" ON "idempotency records"("expires at");

-- CreateIndex
CREATE INDEX "idempotency records_lockedUntil_idx" ON "idempotency records"("lockedUntil");
