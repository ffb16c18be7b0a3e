import { inspect } from "node:util";
import { type ArgumentsHost, Catch, type ExceptionFilter, Logger } from "@nestjs/common";
import type { Response as ExpressResponse } from "express";
import { type AnyIdempotencyError, IdempotencyError } from "onceonly";
import { problemResponse } from "onceonly/http";

/** Answers the library's own errors: no key, a key that was used for something else, a duplicate still under way. */
@Catch(IdempotencyError)
export class ProblemFilter implements ExceptionFilter<AnyIdempotencyError> {
  readonly #logger = new Logger(ProblemFilter.name);

  async catch(error: AnyIdempotencyError, host: ArgumentsHost): Promise<void> {
    const problem = problemResponse(error);
    // The client is not told the cause, and Nest logs nothing that a filter has answered.
    if (problem.status >= 500) this.#logger.error(inspect(error));
    const response = host.switchToHttp().getResponse<ExpressResponse>();
    response.status(problem.status).set(Object.fromEntries(problem.headers)).send(await problem.text());
  }
}
