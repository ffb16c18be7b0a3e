/** Names for the statements of one client: the same for the same text. */
export function namer() {
  const names = new Map<string, string>();
  return ({ sql }: { readonly sql: string }): string => {
    const name = names.get(sql) ?? `s${names.size}`;
    names.set(sql, name);
    return name;
  };
}
