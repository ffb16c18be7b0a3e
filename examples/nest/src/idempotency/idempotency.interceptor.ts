import {
  type CallHandler,
  type ExecutionContext,
  HttpException,
  Inject,
  Injectable,
  type NestInterceptor,
} from "@nestjs/common";
import type { Response } from "express";
import { idempotencyKeyOf } from "onceonly/http";
import { from, lastValueFrom, type Observable } from "rxjs";
import type { AuthenticatedRequest } from "../auth/auth.guard";
import { type AppIdempotency, httpExceptions, IDEMPOTENCY, isAnswer } from "./idempotency.module";

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
    const { user, headers, params, query, body } = context.switchToHttp().getRequest<AuthenticatedRequest>();
    const response = context.switchToHttp().getResponse<Response>();
    const operation = `${context.getClass().name}.${context.getHandler().name}`;
    // Lets no request without a usable key pass.
    const key = idempotencyKeyOf(headers["idempotency-key"], operation);
    try {
      const { value, replayed } = await this.#idempotency.run(
        // What the client has sent, before any pipe.
        { operation, key, scope: user?.id ?? "", input: { params, query, body } },
        () => lastValueFrom(next.handle(), { defaultValue: undefined }),
      );
      response.set("Idempotency-Outcome", "stored");
      if (replayed) response.set("Idempotent-Replayed", "true");
      return value;
    } catch (error) {
      if (error instanceof HttpException) {
        response.set("Idempotency-Outcome", isAnswer(error) ? "stored" : "released");
      }
      throw error;
    }
  }
}
