import { type CanActivate, type ExecutionContext, Injectable } from "@nestjs/common";
import { idempotencyKeyOf } from "onceonly/http";
import type { AuthenticatedRequest } from "../auth/auth.guard";

export interface KeyedRequest extends AuthenticatedRequest {
  idempotencyKey?: string;
}

export const operationOf = (context: ExecutionContext): string =>
  `${context.getClass().name}.${context.getHandler().name}`;

/** Lets no request without a usable key pass. */
@Injectable()
export class KeyGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<KeyedRequest>();
    request.idempotencyKey = idempotencyKeyOf(request.headers["idempotency-key"], operationOf(context));
    return true;
  }
}
