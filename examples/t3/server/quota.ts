import { TRPCError } from "@trpc/server";
import { db } from "./db.ts";

/** Has a transaction of its own, for callers that have none. */
export async function takeFromQuota(userId: string): Promise<void> {
  await db.$transaction(async (tx) => {
    const { postsLeft } = await tx.user.update({
      where: { id: userId },
      data: { postsLeft: { decrement: 1 } },
    });
    if (postsLeft < 0) throw new TRPCError({ code: "FORBIDDEN", message: "Your plan has no posts left." });
  });
}
