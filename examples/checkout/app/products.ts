/** What the shop sells. Read by the page and by the server, which trusts no price that a page sends. */
export const PRODUCTS = [
  { id: "sidamo", name: "Sidamo", note: "Ethiopia, 250 g", priceCents: 1150 },
  { id: "huila", name: "Huila", note: "Colombia, 250 g", priceCents: 980 },
  { id: "filters", name: "Paper filters", note: "Size 2, 100 pieces", priceCents: 420 },
] as const;

export type ProductId = (typeof PRODUCTS)[number]["id"];
