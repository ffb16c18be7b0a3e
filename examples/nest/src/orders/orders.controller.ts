import { Body, Controller, Get, ParseIntPipe, Post, Req, UseGuards } from "@nestjs/common";
import { AuthGuard, type AuthenticatedRequest } from "../auth/auth.guard";
import { Idempotent } from "../idempotency/idempotent.decorator";
import { OrdersService } from "./orders.service";

@Controller("orders")
@UseGuards(AuthGuard)
export class OrdersController {
  constructor(private readonly orders: OrdersService) {}

  @Post()
  @Idempotent()
  place(
    @Req() { user }: AuthenticatedRequest,
    @Body("product") product: string,
    @Body("quantity", ParseIntPipe) quantity: number,
  ) {
    return this.orders.place(user?.id ?? "", product, quantity);
  }

  @Get()
  list(@Req() { user }: AuthenticatedRequest) {
    return this.orders.list(user?.id ?? "");
  }
}
