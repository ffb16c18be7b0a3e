import { Injectable, type OnApplicationShutdown, type OnModuleInit } from "@nestjs/common";
import { PrismaLibSql } from "@prisma/adapter-libsql";
import { withAmbientTransaction } from "onceonly";
import { PrismaClient } from "../generated/prisma/client";

@Injectable()
export class PrismaService extends PrismaClient implements OnModuleInit, OnApplicationShutdown {
  readonly #startedAt = Date.now();

  constructor() {
    super({ adapter: new PrismaLibSql({ url: process.env.DATABASE_URL ?? "file:./dev.db" }) });
    // From here on, whatever injects this service joins the transaction of the run that it is called in.
    withAmbientTransaction(this);
  }

  async onModuleInit() {
    await this.$connect();
  }

  /** After the server has closed: requests under way keep their client. */
  async onApplicationShutdown() {
    await this.$disconnect();
  }

  /** For the health check. */
  async health() {
    await this.$queryRaw`SELECT 1`;
    return { upForMs: Date.now() - this.#startedAt };
  }
}
