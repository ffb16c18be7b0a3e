import { z } from "zod";
import { recordActivity } from "../../activity.ts";
import { notifyFollowers } from "../../notifications.ts";
import { takeFromQuota } from "../../quota.ts";
import { createTRPCRouter, idempotent, protectedProcedure } from "../trpc.ts";

export const postRouter = createTRPCRouter({
  create: protectedProcedure
    .input(z.object({ name: z.string().min(1) }))
    .use(idempotent)
    .mutation(async ({ ctx, input }) => {
      const { id: userId } = ctx.session.user;
      const post = await ctx.db.post.create({
        data: { name: input.name, createdBy: { connect: { id: userId } } },
      });
      await Promise.all([
        notifyFollowers(ctx.db, post),
        recordActivity(userId, "post.create", String(post.id)),
      ]);
      await takeFromQuota(userId);
      return post;
    }),

  getLatest: protectedProcedure.query(async ({ ctx }) => {
    const post = await ctx.db.post.findFirst({
      orderBy: { createdAt: "desc" },
      where: { createdBy: { id: ctx.session.user.id } },
    });
    return post ?? null;
  }),
});
