import { applyDecorators, UseFilters, UseGuards, UseInterceptors } from "@nestjs/common";
import { IdempotencyInterceptor } from "./idempotency.interceptor";
import { KeyGuard } from "./key.guard";
import { ProblemFilter } from "./problem.filter";

/** The handler is executed once for each Idempotency-Key of a user. */
export const Idempotent = () =>
  applyDecorators(UseFilters(ProblemFilter), UseGuards(KeyGuard), UseInterceptors(IdempotencyInterceptor));
