const euro = new Intl.NumberFormat("en-IE", { style: "currency", currency: "EUR" });

export const money = (cents: number): string => euro.format(cents / 100);

/** The end of a key, which is its random part. */
export const shortKey = (key: string): string => `…${key.slice(-8)}`;
