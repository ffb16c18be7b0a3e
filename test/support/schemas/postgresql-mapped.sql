-- CreateSchema
CREATE SCHEMA IF NOT EXISTS "infra";

-- CreateSchema
CREATE SCHEMA IF NOT EXISTS "public";

-- CreateTable
CREATE TABLE "Order" (
    "id" TEXT NOT NULL,
    "key" TEXT NOT NULL,
    "customer" TEXT NOT NULL,
    "item" TEXT NOT NULL,
    "quantity" INTEGER NOT NULL,
    "total" DECIMAL(65,30) NOT NULL,
    "big" BIGINT NOT NULL,
    "data" BYTEA,
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "shippedAt" TIMESTAMPTZ(3),

    CONSTRAINT "Order_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Account" (
    "id" TEXT NOT NULL,
    "balance" INTEGER NOT NULL,
    "version" INTEGER NOT NULL DEFAULT 0,

    CONSTRAINT "Account_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "infra"."idempotency records" (
    "record id" TEXT NOT NULL,
    "tenant" TEXT NOT NULL,
    "operation" TEXT NOT NULL,
    "idempotency_key" TEXT NOT NULL,
    "Fingerprint" TEXT NOT NULL,
    "status" TEXT NOT NULL,
    "owner_token" TEXT NOT NULL,
    "attempt" INTEGER NOT NULL DEFAULT 1,
    "lockedUntil" TIMESTAMPTZ(3),
    "select" TEXT,
    "input" TEXT,
    "created at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "completed at" TIMESTAMPTZ(3),
    "expires at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "idempotency records_pkey" PRIMARY KEY ("record id")
);

-- CreateTable
CREATE TABLE "infra"."idempotency steps" (
    "of record" TEXT NOT NULL,
    "step name" TEXT NOT NULL,
    "record made at" TIMESTAMPTZ(3) NOT NULL,
    "result" TEXT NOT NULL,
    "made at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "idempotency steps_pkey" PRIMARY KEY ("of record","step name")
);

-- CreateIndex
CREATE INDEX "idempotency records_expires at_idx" ON "infra"."idempotency records"("expires at");

-- CreateIndex
CREATE INDEX "idempotency records_lockedUntil_idx" ON "infra"."idempotency records"("lockedUntil");
