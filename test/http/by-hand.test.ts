/** A route of Express over `idempotency.run` answers as one of `withIdempotency` does. */
import { once } from "node:events";
import { request } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { createServerAdapter } from "@whatwg-node/server";
import express, { type ErrorRequestHandler, type RequestHandler } from "express";
import { afterAll, beforeAll, expect, it } from "vitest";
import { idempotencyKeyOf, problemResponse, withIdempotency } from "../../src/http/index.ts";
import { createIdempotency, IdempotencyError, isIdempotencyError } from "../../src/index.ts";
import { openSqlite, type TestDatabase } from "../support/database.ts";

const operation = "POST /orders";

let db: TestDatabase;
let stop: () => void;
let port: number;

beforeAll(async () => {
  db = await openSqlite();
  const idempotency = createIdempotency({ prisma: db.prisma });
  const wrapped = withIdempotency({ idempotency, scope: () => "wrapped", operation }, async (given) => {
    const { item } = (await given.json()) as { item: string };
    if (item === "broken") throw new IdempotencyError("STORE_UNAVAILABLE", "Down.", { operation });
    return Response.json({ item }, { status: 201 });
  });
  const byHand: RequestHandler = async (req, res) => {
    const { item } = req.body as { item: string };
    const key = idempotencyKeyOf(req.headers["idempotency-key"], operation);
    const { value, replayed } = await idempotency.run(
      { operation, key, scope: "by hand", input: req.body as unknown },
      async () => {
        if (item === "broken") throw new IdempotencyError("STORE_UNAVAILABLE", "Down.", { operation });
        return { item };
      },
    );
    res.set({ "Idempotency-Outcome": "stored", ...(replayed && { "Idempotent-Replayed": "true" }) });
    res.status(201).json(value);
  };
  const problems: ErrorRequestHandler = async (error, _req, res, next) => {
    if (!isIdempotencyError(error)) return next(error);
    const problem = problemResponse(error);
    res
      .status(problem.status)
      .set(Object.fromEntries(problem.headers))
      .send(await problem.text());
  };
  const app = express()
    .post("/wrapped", createServerAdapter(wrapped))
    .post("/by-hand", express.json(), byHand)
    .use(problems);
  const server = app.listen(0, "127.0.0.1");
  await once(server, "listening");
  ({ port } = server.address() as AddressInfo);
  stop = () => server.close();
});
afterAll(async () => {
  stop();
  await db[Symbol.asyncDispose]();
});

/** Node's own client can send two headers of one name. */
async function send(path: string, key: string | string[] | undefined, item: string) {
  const headers = {
    "content-type": "application/json",
    ...(key !== undefined && { "idempotency-key": key }),
  };
  const sent = request({ host: "127.0.0.1", port, method: "POST", path, headers });
  sent.end(JSON.stringify({ item }));
  const [response] = await once(sent, "response");
  const told = ["idempotency-outcome", "idempotent-replayed", "retry-after", "content-type", "link"];
  return {
    status: response.statusCode as number,
    headers: told.map((name) => [name, response.headers[name]?.replace("; charset=utf-8", "")]),
    body: JSON.parse(await text(response)) as unknown,
  };
}

it.each<[string, string | string[] | undefined, string, number]>([
  ["no key", undefined, "a", 400],
  ["an empty key", "", "a", 400],
  ["an unclosed quote", '"a', "a", 400],
  ["a list", '"a", "b"', "a", 400],
  ["two headers", ["a", "b"], "a", 400],
  ["a key that is too long", "x".repeat(256), "a", 400],
  ["a first request", '"k"', "a", 201],
  ["a retry with the bare key", "k", "a", 201],
  ["the key of another request", '"k"', "b", 422],
  ["a database that is away", '"l"', "broken", 503],
])("%s", async (_, key, item, status) => {
  const [wrapped, byHand] = [await send("/wrapped", key, item), await send("/by-hand", key, item)];
  expect(byHand).toEqual(wrapped);
  expect(byHand.status).toBe(status);
});

it("a list of keys is refused with what was found", async () => {
  for (const key of ['"a", "b"', ["a", "b"]]) {
    expect((await send("/by-hand", key, "a")).body).toMatchObject({
      code: "KEY_INVALID",
      detail:
        "The Idempotency-Key header is a list of 2 keys, or was sent that often; send one key with one request.",
    });
  }
  // As Fetch and Node.js give it, and as some frameworks do.
  expect(["a", '"a"', ["a"]].map((header) => idempotencyKeyOf(header, operation))).toEqual(["a", "a", "a"]);
  for (const header of [null, undefined]) {
    expect(() => idempotencyKeyOf(header, operation)).toThrow("POST /orders needs an idempotency key: send");
  }
});
