/**
 * An application in the style of create-t3-app, whose resolvers and helpers use `db` as they always did.
 * `node --import tsx examples/t3/main.ts`
 */
import { createTRPCClient, httpLink, TRPCClientError } from "@trpc/client";
import { idempotencyHeaders, idempotencyLink } from "onceonly/trpc/client";
import superjson from "superjson";
import { createTablesIn, temporaryDatabase } from "../database/file.ts";
import type { AppRouter } from "./server/api/root.ts";

const url = (process.env["DATABASE_URL"] ??= temporaryDatabase());
await createTablesIn(url, new URL("./schema.sql", import.meta.url));
const { POST } = await import("./app/api/trpc/route.ts");
const { db } = await import("./server/db.ts");

await db.user.createMany({
  data: [
    { id: "ada", postsLeft: 3 },
    { id: "bob", postsLeft: 0 },
    { id: "eve", postsLeft: 0 },
  ],
});
await db.follow.createMany({
  data: ["ada", "bob"].map((followingId) => ({ followerId: "eve", followingId })),
});

const clientOf = (user: string) =>
  createTRPCClient<AppRouter>({
    links: [
      idempotencyLink(),
      httpLink({
        url: "http://localhost/api/trpc",
        transformer: superjson,
        headers: (call) => ({ authorization: `Bearer ${user}`, ...idempotencyHeaders(call) }),
        fetch: (input, init) => POST(new Request(input as string, init as RequestInit)),
      }),
    ],
  });

const ada = clientOf("ada");
for (const attempt of [1, 2]) {
  const post = await ada.post.create.mutate({ name: "Hello" }, { context: { idempotencyKey: "k1" } });
  console.log(`ada, sent ${attempt}: post ${post.id}, ${post.name}`);
}
const refused = await clientOf("bob")
  .post.create.mutate({ name: "Too much" }, { context: { idempotencyKey: "k2" } })
  .catch((error: unknown) => (error instanceof TRPCClientError ? error.message : error));
console.log(`bob, who has no posts left: ${String(refused)}`);

const [posts, notifications, activities] = await Promise.all([
  db.post.count(),
  db.notification.count(),
  db.activity.count(),
]);
console.log(`in the database: posts ${posts}, notifications ${notifications}, activities ${activities}`);
const { postsLeft } = await db.user.findUniqueOrThrow({ where: { id: "ada" } });
console.log(`posts left to ada: ${postsLeft}`);
await db.$disconnect();
