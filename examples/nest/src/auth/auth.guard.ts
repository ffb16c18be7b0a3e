import { type CanActivate, type ExecutionContext, Injectable, UnauthorizedException } from "@nestjs/common";
import type { Request } from "express";

export interface AuthenticatedRequest extends Request {
  user?: { readonly id: string };
}

/** Stands in for the application's own authentication. */
@Injectable()
export class AuthGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<AuthenticatedRequest>();
    const id = request.get("x-user");
    if (id === undefined) throw new UnauthorizedException();
    request.user = { id };
    return true;
  }
}
