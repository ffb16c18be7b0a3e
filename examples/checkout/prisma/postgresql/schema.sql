-- CreateTable
CREATE TABLE "Customer" (
    "id" TEXT NOT NULL,
    "chargedCents" INTEGER NOT NULL DEFAULT 0,

    CONSTRAINT "Customer_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Order" (
    "id" SERIAL NOT NULL,
    "customer" TEXT NOT NULL,
    "cart" TEXT NOT NULL,
    "items" TEXT NOT NULL,
    "totalCents" INTEGER NOT NULL,
    "placedAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "Order_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "Order_cart_idx" ON "Order"("cart");
