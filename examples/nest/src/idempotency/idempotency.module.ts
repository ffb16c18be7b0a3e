import { Global, HttpException, Inject, Logger, Module, type OnModuleInit } from "@nestjs/common";
import { createIdempotency, type Idempotency, type TransactionOf } from "onceonly";
import { outcomeOf } from "onceonly/http";
import { PrismaService } from "../prisma/prisma.service";

export const IDEMPOTENCY = Symbol("idempotency");
export type AppIdempotency = Idempotency<TransactionOf<PrismaService>>;

@Global()
@Module({
  providers: [
    {
      provide: IDEMPOTENCY,
      inject: [PrismaService],
      useFactory: (prisma: PrismaService): AppIdempotency => createIdempotency({ prisma }),
    },
  ],
  exports: [IDEMPOTENCY],
})
export class IdempotencyModule implements OnModuleInit {
  constructor(@Inject(IDEMPOTENCY) private readonly idempotency: AppIdempotency) {}

  /** A missing model or table fails the start, instead of the first request. */
  async onModuleInit() {
    const findings = await this.idempotency.check();
    for (const { subject, message } of findings) new Logger("onceonly").warn(`${subject}: ${message}`);
  }
}

/** An exception that says what is wrong with the request is its answer, and is stored. All else leaves the key free. */
export const isAnswer = (error: unknown): error is HttpException =>
  error instanceof HttpException && outcomeOf({ status: error.getStatus() }) === "store";

/** How such an answer is stored, and becomes an exception again. */
export const httpExceptions = {
  serialize: (error: unknown) => {
    const answer = error as HttpException;
    return { response: answer.getResponse(), status: answer.getStatus() };
  },
  deserialize: (data: unknown) => {
    const { response, status } = data as { response: string | object; status: number };
    return new HttpException(response, status);
  },
};
