import { Args, Context, Int, Mutation, Query, Resolver } from "@nestjs/graphql";
import type { Request } from "express";
import { Order } from "./order.model";
import { OrdersService } from "./orders.service";

interface GraphQLContext {
  readonly req: Request;
}

/** Unchanged: the plugin of `app.module.ts` executes each mutation once. */
@Resolver(() => Order)
export class OrdersResolver {
  constructor(private readonly orders: OrdersService) {}

  @Mutation(() => Order)
  placeOrder(
    @Context() { req }: GraphQLContext,
    @Args("product") product: string,
    @Args("quantity", { type: () => Int }) quantity: number,
  ) {
    return this.orders.place(req.get("x-user") ?? "", product, quantity);
  }

  @Query(() => [Order])
  myOrders(@Context() { req }: GraphQLContext) {
    return this.orders.list(req.get("x-user") ?? "");
  }
}
