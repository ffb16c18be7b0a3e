/** The same cart is paid in up to two ways, under the same fault, to compare them. */
export type Lane = "with" | "without";

export const LANE_NAMES: Record<Lane, string> = { with: "With onceonly", without: "Without a key" };

/** For the server they are two carts, so that nothing of one way helps or harms the other. */
export function cartIdIn(lane: Lane, cartId: string): string {
  return lane === "with" ? cartId : `${cartId}-without`;
}
