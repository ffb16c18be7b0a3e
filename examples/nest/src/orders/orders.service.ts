import { ConflictException, Injectable, NotFoundException } from "@nestjs/common";
import { PrismaService } from "../prisma/prisma.service";

/** Knows nothing of keys. Its transaction is part of the run's, if it is called in one. */
@Injectable()
export class OrdersService {
  constructor(private readonly prisma: PrismaService) {}

  place(customer: string, product: string, quantity: number) {
    return this.prisma.$transaction(async (tx) => {
      const found = await tx.product.findUnique({ where: { name: product } });
      if (found === null) throw new NotFoundException(`There is no ${product}`);
      if (found.stock < quantity) throw new ConflictException(`Only ${found.stock} of ${product} are left`);
      await tx.product.update({ where: { name: product }, data: { stock: { decrement: quantity } } });
      return tx.order.create({ data: { customer, product, quantity } });
    });
  }

  list(customer: string) {
    return this.prisma.order.findMany({ where: { customer } });
  }
}
