import { type CallHandler, type ExecutionContext, Inject, Injectable, type NestInterceptor } from "@nestjs/common";
import type { Response } from "express";
import { from, lastValueFrom, type Observable } from "rxjs";
import { type AppIdempotency, httpExceptions, IDEMPOTENCY, isAnswer } from "./idempotency.module";
import { type KeyedRequest, operationOf } from "./key.guard";

/** Runs the handler, its pipes and the interceptors after this one in a transaction, once for each key. */
@Injectable()
export class IdempotencyInterceptor implements NestInterceptor {
  readonly #idempotency: AppIdempotency;

  constructor(@Inject(IDEMPOTENCY) idempotency: AppIdempotency) {
    this.#idempotency = idempotency.with({ storeError: isAnswer, errors: httpExceptions });
  }

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return from(this.#once(context, next));
  }

  async #once(context: ExecutionContext, next: CallHandler): Promise<unknown> {
    const request = context.switchToHttp().getRequest<KeyedRequest>();
    const response = context.switchToHttp().getResponse<Response>();
    const { idempotencyKey: key = "", user, params, query, body } = request;
    try {
      const { value, replayed } = await this.#idempotency.run(
        // What the client has sent, before any pipe.
        { operation: operationOf(context), key, scope: user?.id ?? "", input: { params, query, body } },
        () => lastValueFrom(next.handle(), { defaultValue: undefined }),
      );
      response.set("Idempotency-Outcome", "stored");
      if (replayed) response.set("Idempotent-Replayed", "true");
      return value;
    } catch (error) {
      if (isAnswer(error)) response.set("Idempotency-Outcome", "stored");
      throw error;
    }
  }
}
