import { YogaDriver, type YogaDriverConfig } from "@graphql-yoga/nestjs";
import { Controller, Get, Module } from "@nestjs/common";
import { GraphQLModule } from "@nestjs/graphql";
import type { Request } from "express";
import { useIdempotency } from "onceonly/yoga";
import { type AppIdempotency, IDEMPOTENCY, IdempotencyModule } from "./idempotency/idempotency.module";
import { OrdersController } from "./orders/orders.controller";
import { OrdersResolver } from "./orders/orders.resolver";
import { OrdersService } from "./orders/orders.service";
import { PrismaModule } from "./prisma/prisma.module";
import { PrismaService } from "./prisma/prisma.service";

@Controller("health")
class HealthController {
  constructor(private readonly prisma: PrismaService) {}

  @Get()
  health() {
    return this.prisma.health();
  }
}

@Module({
  imports: [
    PrismaModule,
    IdempotencyModule,
    GraphQLModule.forRootAsync<YogaDriverConfig>({
      driver: YogaDriver,
      inject: [IDEMPOTENCY],
      useFactory: (idempotency: AppIdempotency) => ({
        autoSchemaFile: true,
        plugins: [
          useIdempotency({ idempotency, scope: ({ req }: { req: Request }) => req.get("x-user") }),
        ],
      }),
    }),
  ],
  controllers: [OrdersController, HealthController],
  providers: [OrdersService, OrdersResolver],
})
export class AppModule {}
