import { Global, HttpException, Module } from "@nestjs/common";
import { createIdempotency, type Idempotency, type TransactionOf } from "onceonly";
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
export class IdempotencyModule {}

/** An exception that says what is wrong with the request is its answer, and is stored. All else leaves the key free. */
export const isAnswer = (error: unknown): error is HttpException =>
  error instanceof HttpException && error.getStatus() < 500;

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
