export interface User {
  readonly id: string;
}

/** Stands in for the application's own authentication: `Authorization: Bearer ada` is the user ada. */
export function userOf(authorization: string | null | undefined): User | undefined {
  const id = /^Bearer (\w+)$/.exec(authorization ?? "")?.[1];
  return id === undefined ? undefined : { id };
}
