import { describe, expect, it } from "vitest";
import { outcomeOf, problemResponse, withIdempotency } from "../../src/http/index.ts";
import { openSqlite } from "../support/database.ts";
import { withoutDatabase } from "../support/without-database.ts";
import { app, place, problemIn, read } from "./support.ts";

const idempotency = withoutDatabase();
const good = { idempotency, scope: "global" as const };
const handler = () => new Response();

describe("an option of withIdempotency that cannot be used", () => {
  it.each<[string, unknown]>([
    ["idempotency", {}],
    ["idempotency", undefined],
    ["scope", undefined],
    ["scope", "user"],
    ["operation", ""],
    ["operation", 5],
    ["key", "id"],
    ["requireKey", "yes"],
    ["requireKey", null],
    ["require", false],
    ["methods", []],
    ["methods", "POST"],
    ["methods", ["post"]],
    ["methods", ["GET"]],
    ["methods", ["POST", "HEAD"]],
    ["bodyBytesMax", -1],
    ["bodyBytesMax", "1mb"],
    ["storedHeaders", "x-cost"],
    ["storedHeaders", ["Set-Cookie"]],
    ["storedHeaders", ["date"]],
    ["storedHeaders", ["Transfer-Encoding"]],
    ["storedHeaders", ["content-length"]],
    ["storedHeaders", ["no header"]],
    ["storedHeaders", [5]],
    ["outcome", "commit"],
    ["onProblem", {}],
    ["problemHeaders", { "no header": "1" }],
    ["problemHeaders", "access-control-allow-origin: *"],
    ["documentation", "/docs"],
    ["documentation", "https://example.com/>; rel=x, <"],
    ["waitMs", -1],
    ["resultBytesMax", 0],
    ["storeError", true],
  ])("%s is refused at once, by its name: %j", (option, value) => {
    const options = { ...good, [option]: value };
    const message = new RegExp(`^onceonly: option ${option} .*; give .`);
    expect(() => withIdempotency(options as never, handler)).toThrow(message);
  });

  it("is the first or the second argument, where that is none", () => {
    expect(() => withIdempotency(undefined as never, handler)).toThrow(
      /first argument.*\{ idempotency, scope \}/,
    );
    expect(() => withIdempotency(good, "handler" as never)).toThrow(/second argument/);
  });
});

describe("a problem", () => {
  it("names the API's own documentation where it is given", async () => {
    await using db = await openSqlite();
    const documentation = "https://api.example.com/docs#idempotency";
    const { send } = app(db.prisma, place, { documentation });
    const { type } = JSON.parse((await send({ key: null })).text) as { type: string };
    expect(type).toBe("https://api.example.com/docs#key-missing");
    expect((await send({ key: null })).headers.get("link")).toBe(`<${documentation}>; rel="describedby"`);
  });

  it("rounds Retry-After up to whole seconds", () => {
    const headers = problemResponse({ code: "IN_PROGRESS", message: "", retryAfterMs: 1_001 }).headers;
    expect(headers.get("retry-after")).toBe("2");
  });

  it("is complete", async () => {
    const answer = await read(problemResponse({ code: "KEY_REUSED", message: "Why." }));
    expect(problemIn(answer)).toEqual({
      type: "urn:onceonly:problem:key-reused",
      title: "Idempotency-Key is already used",
      status: 422,
      detail: "Why.",
      code: "KEY_REUSED",
    });
  });
});

it("outcomeOf commits below 400, stores what blames the request, releases all else", () => {
  const statuses = Array.from({ length: 400 }, (_, index) => 200 + index);
  const outcomes = { commit: [] as number[], store: [] as number[], release: [] as number[] };
  for (const status of statuses) outcomes[outcomeOf({ status })].push(status);
  expect(outcomes.commit).toEqual(Array.from({ length: 200 }, (_, index) => 200 + index));
  expect(outcomes.release.filter((status) => status < 500)).toEqual([
    401, 403, 407, 408, 409, 412, 421, 423, 424, 425, 428, 429, 499,
  ]);
  expect(outcomes.store).toHaveLength(100 - 13);
});
