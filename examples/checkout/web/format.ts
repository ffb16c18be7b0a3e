const euro = new Intl.NumberFormat("en-IE", { style: "currency", currency: "EUR" });

export const money = (cents: number): string => euro.format(cents / 100);

/** The end of a key is enough to tell it from others. */
export const shortKey = (key: string): string => `…${key.slice(-8)}`;
