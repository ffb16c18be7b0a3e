import type { PrismaClient } from "../generated/client.ts";

/** Takes the client of its caller's context. */
export async function notifyFollowers(
  db: PrismaClient,
  post: { readonly id: number; readonly createdById: string },
): Promise<void> {
  const followers = await db.follow.findMany({ where: { followingId: post.createdById } });
  await db.notification.createMany({
    data: followers.map(({ followerId }) => ({ userId: followerId, postId: post.id })),
  });
}
