/** Who may share a key: a user of a tenant. */
export interface Caller {
  readonly tenant: string;
  readonly user: string;
}

/** A list, as a template would make one scope of `acme:eu` with `ada` and of `acme` with `eu:ada`. Without both ids: none. */
export const scopeOf = ({ tenant, user }: Caller): string | undefined =>
  tenant && user ? JSON.stringify([tenant, user]) : undefined;

/** The caller of a run, for a completer. */
export function callerOf(scope: string): Caller {
  const [tenant, user] = JSON.parse(scope) as [string, string];
  return { tenant, user };
}
