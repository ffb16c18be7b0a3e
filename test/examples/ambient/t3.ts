import type { Example } from "./example.ts";

interface Envelope {
  result?: { data: { json: { id: number } } };
  error?: { json: { message: string } };
}

/** Ada posts, to two followers; bob has no posts left, which turns out after his are written. */
export const t3: Example = {
  name: "t3",
  clients: {
    sqlite: () => import("../../../examples/t3/generated/client.ts"),
    postgresql: () => import("../../support/generated/t3-postgresql/client.ts"),
  },
  async load() {
    const { POST } = await import("../../../examples/t3/app/api/trpc/route.ts");
    return async (key, fails) => {
      const response = await POST(
        new Request("http://test/api/trpc/post.create", {
          method: "POST",
          headers: {
            "content-type": "application/json",
            authorization: `Bearer ${fails ? "bob" : "ada"}`,
            "idempotency-key": `"${key}"`,
          },
          body: JSON.stringify({ json: { name: key } }),
        }),
      );
      const { result, error } = (await response.json()) as Envelope;
      return {
        id: result?.data.json.id,
        error: error?.json.message,
        replayed: response.headers.get("idempotent-replayed") === "true",
        body: result?.data.json,
      };
    };
  },
  seed: [
    `INSERT INTO "User" ("id", "postsLeft") VALUES ('ada', 1000), ('bob', 0), ('eve', 0), ('kit', 0)`,
    `INSERT INTO "Follow" ("followerId", "followingId")
     VALUES ('eve', 'ada'), ('kit', 'ada'), ('eve', 'bob'), ('kit', 'bob')`,
  ],
  executions: `SELECT "id",
      (SELECT count(*) FROM "Notification" WHERE "postId" = "Post"."id") AS notifications,
      (SELECT count(*) FROM "Activity" WHERE "subject" = CAST("Post"."id" AS TEXT)) AS activities
    FROM "Post" WHERE "name" = ?`,
  complete: { notifications: 2, activities: 1 },
  sums: `SELECT (SELECT count(*) FROM "Post") AS posts,
      (SELECT count(*) FROM "Notification") AS notifications,
      (SELECT count(*) FROM "Activity") AS activities,
      (SELECT 1000 - sum("postsLeft") FROM "User") AS taken`,
  share: { posts: 1, notifications: 2, activities: 1, taken: 1 },
  failure: { error: /no posts left/, records: [] },
  written: ["Post", "Notification", "Activity", "User"],
  output: [
    "ada, sent 1: post 1, Hello",
    "ada, sent 2: post 1, Hello",
    "bob, who has no posts left: Your plan has no posts left.",
    "in the database: posts 1, notifications 1, activities 1",
    "posts left to ada: 2",
  ],
};
