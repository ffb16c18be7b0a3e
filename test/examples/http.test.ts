import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { Agent, type IncomingMessage, request } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import type * as Database from "../../examples/database/index.ts";
import { scaled } from "../support/scale.ts";

const DUPLICATES = scaled({ short: 50, long: 500 });

const folder = mkdtempSync(join(tmpdir(), "onceonly-http-example-"));
let database: typeof Database;

beforeAll(async () => {
  vi.stubEnv("DATABASE_URL", pathToFileURL(join(folder, "test.db")).href);
  database = await import("../../examples/database/index.ts");
  await database.createTables();
});
afterAll(async () => {
  await database.prisma.$disconnect();
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  const { prisma } = database;
  await Promise.all([prisma.charge.deleteMany(), prisma.account.deleteMany()]);
});

// Written out, because bundlers follow no computed path.
const frameworks = [
  ["hono", () => import("../../examples/http/hono.ts")],
  ["express", () => import("../../examples/http/express.ts")],
  ["fastify", () => import("../../examples/http/fastify.ts")],
  ["node", () => import("../../examples/http/node.ts")],
] as const;

interface Answer {
  status: number;
  headers: IncomingMessage["headers"];
  body: string;
}

/** Node's own client: fetch would open as many connections, but hide two headers of one name. */
async function send(
  port: number,
  method: string,
  path: string,
  headers: Record<string, string | string[]>,
  body = "",
  agent?: Agent,
) {
  const sent = request({
    host: "127.0.0.1",
    port,
    method,
    path,
    headers,
    ...(agent === undefined ? {} : { agent }),
  });
  sent.end(body);
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  const answer: Answer = {
    status: response.statusCode ?? 0,
    headers: response.headers,
    body: (await buffer(response)).toString(),
  };
  return answer;
}

describe.each(frameworks)("the handlers under %s", (name, load) => {
  let port: number;
  let stop: () => void;
  let keys = 0;
  const fresh = () => `"${name} ${(keys += 1)}"`;

  beforeAll(async () => {
    const server = (await load()).start(0);
    if (!server.listening) await once(server, "listening");
    ({ port } = server.address() as AddressInfo);
    stop = () => server.close();
  });
  afterAll(() => stop());

  const charge = (
    key: string | string[] | null,
    body = '{"cents":500}',
    headers: Record<string, string> = {},
    agent?: Agent,
  ) =>
    send(
      port,
      "POST",
      "/charges",
      {
        "content-type": "application/json",
        "x-user": "ada",
        ...(key === null ? {} : { "idempotency-key": key }),
        ...headers,
      },
      body,
      agent,
    );
  const code = ({ status, body, headers }: Answer) => [
    status,
    (JSON.parse(body) as { code: string }).code,
    headers["content-type"],
  ];
  const type = "application/problem+json";

  it("charges once, and answers the retry with the same response", async () => {
    const key = fresh();
    const first = await charge(key);
    const retry = await charge(key, '{ "cents": 500 }');
    expect(first).toMatchObject({ status: 201, headers: { "content-type": "application/json" } });
    expect(first.headers["idempotent-replayed"]).toBe(undefined);
    expect(retry).toMatchObject({
      status: 201,
      body: first.body,
      headers: {
        "idempotent-replayed": "true",
        location: first.headers.location,
        "content-type": "application/json",
      },
    });
    expect(await database.prisma.charge.findMany()).toEqual([JSON.parse(first.body)]);
  });

  it("answers bad requests with problem documents, and charges nothing", async () => {
    const key = fresh();
    expect(code(await charge(null))).toEqual([400, "KEY_MISSING", type]);
    expect(code(await charge('"broken'))).toEqual([400, "KEY_INVALID", type]);
    expect(code(await charge(['"a"', '"a"']))).toEqual([400, "KEY_INVALID", type]);
    expect(code(await charge("x".repeat(10_000)))).toEqual([400, "KEY_INVALID", type]);
    expect((await charge(fresh(), "{")).status).toBe(422);
    expect(code(await charge(key, `{"cents":5,"note":"${"x".repeat(2_000_000)}"}`))).toEqual([
      413,
      "BODY_TOO_LARGE",
      type,
    ]);
    expect(await database.prisma.charge.count()).toBe(0);
    expect((await charge(key)).status).toBe(201);
    expect(code(await charge(key, '{"cents":501}'))).toEqual([422, "KEY_REUSED", type]);
    expect(await database.prisma.charge.count()).toBe(1);
  });

  it("refuses a chunked body that is too long, and goes on serving", async () => {
    const sent = request({
      host: "127.0.0.1",
      port,
      method: "POST",
      path: "/charges",
      headers: { "content-type": "application/json", "x-user": "ada", "idempotency-key": fresh() },
    });
    sent.on("error", () => {});
    const response = once(sent, "response") as Promise<[IncomingMessage]>;
    for (let written = 0; written < 30; written += 1) sent.write("x".repeat(65_536));
    const [{ statusCode }] = await response;
    expect(statusCode).toBe(413);
    sent.destroy();
    expect((await charge(fresh())).status).toBe(201);
  });

  it("answers an unexpected error with 500, and tells the client nothing of it", async () => {
    const log = vi.spyOn(console, "error").mockImplementation(() => {});
    await database.prisma.$executeRawUnsafe(`ALTER TABLE "Charge" RENAME TO "Away"`);
    const key = fresh();
    const { status, body } = await charge(key);
    await database.prisma.$executeRawUnsafe(`ALTER TABLE "Away" RENAME TO "Charge"`);
    log.mockRestore();
    expect(status).toBe(500);
    expect(body).not.toMatch(/prisma|Charge|\.ts|at /i);
    expect((await charge(key)).status).toBe(201);
  });

  it("stores a refusal of the handler", async () => {
    const key = fresh();
    const first = await charge(key, '{"cents":-1}');
    const retry = await charge(key, '{"cents":-1}');
    expect([first.status, retry.status, retry.body]).toEqual([422, 422, first.body]);
    expect(retry.headers["idempotent-replayed"]).toBe("true");
  });

  it("updates under If-Match once, and replays it after the version has moved on", async () => {
    await database.prisma.account.create({ data: { id: "ada", balance: 1 } });
    const read = await send(port, "GET", "/accounts/ada", {});
    const tag = String(read.headers.etag);
    const key = fresh();
    const patch = (balance: number, ifMatch: string | undefined, idempotencyKey = key) =>
      send(
        port,
        "PATCH",
        "/accounts/ada",
        {
          "content-type": "application/json",
          "x-user": "ada",
          "idempotency-key": idempotencyKey,
          ...(ifMatch === undefined ? {} : { "if-match": ifMatch }),
        },
        JSON.stringify({ balance }),
      );
    expect(code(await patch(9, undefined))).toEqual([428, "PRECONDITION_REQUIRED", type]);
    const first = await patch(9, tag);
    expect(await patch(9, tag)).toMatchObject({
      status: 200,
      body: first.body,
      headers: { etag: first.headers.etag, "idempotent-replayed": "true" },
    });
    expect(code(await patch(8, tag, fresh()))).toEqual([412, "PRECONDITION_FAILED", type]);
    expect(await database.prisma.account.findMany()).toEqual([{ id: "ada", balance: 9, version: 1 }]);
  });

  it("puts a resource by upsert, as often as it is sent", async () => {
    const put = () =>
      send(port, "PUT", "/accounts/bob", { "content-type": "application/json" }, '{"balance":5}');
    const answers = await Promise.all(Array.from({ length: 5 }, put));
    expect(new Set(answers.map(({ status, body }) => `${status} ${body}`)).size).toBe(1);
    expect(await database.prisma.account.findMany()).toEqual([{ id: "bob", balance: 5, version: 0 }]);
  });

  it(`executes one of ${DUPLICATES} concurrent duplicates, and gives all the same answer`, async () => {
    const key = fresh();
    const agent = new Agent({ keepAlive: true, maxSockets: DUPLICATES });
    const answers = await Promise.all(
      Array.from({ length: DUPLICATES }, () => charge(key, undefined, {}, agent)),
    );
    agent.destroy();
    const distinct = new Set(
      answers.map(({ status, body, headers }) =>
        [status, body, headers.location, headers["content-type"]].join(),
      ),
    );
    expect(distinct.size).toBe(1);
    expect(answers[0]?.status).toBe(201);
    expect(answers.filter(({ headers }) => headers["idempotent-replayed"] === undefined)).toHaveLength(1);
    expect(await database.prisma.charge.count()).toBe(1);
  });

  it("commits what a client that went away has asked for, and its retry finds the answer", async () => {
    const key = fresh();
    const sent = request({
      host: "127.0.0.1",
      port,
      method: "POST",
      path: "/charges",
      headers: { "content-type": "application/json", "x-user": "ada", "idempotency-key": key },
    });
    sent.on("error", () => {});
    sent.end('{"cents":500}', () => sent.destroy());
    await new Promise((resolve) => sent.once("close", resolve));
    // It either arrived before the client went, or not at all: one charge in the end.
    expect((await charge(key)).status).toBe(201);
    expect(await database.prisma.charge.count()).toBe(1);
  });
});

describe("the route of Next.js", () => {
  it("deposits once, with the parameters of its path", async () => {
    const { POST } = await import("../../examples/http/next-route.ts");
    await database.prisma.account.create({ data: { id: "ada", balance: 1 } });
    const post = async (id: string) => {
      const request = new Request(`http://test/accounts/${id}/deposits`, {
        method: "POST",
        headers: { "idempotency-key": '"n1"', "x-user": "ada", "content-type": "application/json" },
        body: '{"cents":5}',
      });
      const response = await POST(request, { params: Promise.resolve({ id }) });
      return [response.status, await response.json(), response.headers.get("idempotent-replayed")];
    };
    expect(await post("ada")).toEqual([200, { id: "ada", deposited: 5 }, null]);
    expect(await post("ada")).toEqual([200, { id: "ada", deposited: 5 }, "true"]);
    expect((await post("bob"))[0]).toBe(422);
    expect(await database.prisma.account.findMany()).toMatchObject([{ balance: 6 }]);
  });
});
