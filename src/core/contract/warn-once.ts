const warnedOf = new Set<string>();
const WARNED_MAX = 1_000;

/** A process warning of ours, once for each `about`. `code` is what an application filters by. */
export function warnOnce(code: `ONCEONLY_${string}`, about: string, text: string): void {
  const place = `${code} ${about}`;
  if (warnedOf.has(place) || warnedOf.size === WARNED_MAX) {
    return;
  }
  warnedOf.add(place);
  process.emitWarning(text, { type: "OnceonlyWarning", code });
}
