import { applyDecorators, UseFilters, UseInterceptors } from "@nestjs/common";
import { IdempotencyInterceptor } from "./idempotency.interceptor";
import { ProblemFilter } from "./problem.filter";

/** The handler is executed once for each Idempotency-Key of a user. */
export const Idempotent = () =>
  applyDecorators(UseFilters(ProblemFilter), UseInterceptors(IdempotencyInterceptor));
