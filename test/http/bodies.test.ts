import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openSqlite, type TestDatabase } from "../support/database.ts";
import { app, codeIn, freshKey, place, problemIn, requestOf, type Sent } from "./support.ts";

let db: TestDatabase;

beforeAll(async () => {
  db = await openSqlite();
});
afterAll(() => db[Symbol.asyncDispose]());

const json = { "content-type": "application/json" };

describe("a body", () => {
  it.each<[string, Sent]>([
    [
      "JSON that is said to be multipart",
      { body: "{}", headers: { "content-type": "multipart/form-data; boundary=x" } },
    ],
    [
      "multipart without a boundary",
      { body: "--x\r\n\r\n--x--", headers: { "content-type": "multipart/form-data" } },
    ],
    [
      "multipart that breaks off",
      {
        body: '--x\r\ncontent-disposition: form-data; name="a"\r\n\r\nb',
        headers: { "content-type": "multipart/form-data; boundary=x" },
      },
    ],
  ])("that is not what its content type says is refused with 400, and burns no key: %s", async (_, sent) => {
    const problems: unknown[] = [];
    const { send } = app(db.prisma, place, { onProblem: (error) => problems.push(error.code, error.cause) });
    const key = freshKey();
    const answer = await send({ key, ...sent });
    expect(codeIn(answer)).toEqual([400, "BODY_INVALID"]);
    expect(problems).toEqual(["BODY_INVALID", expect.any(Error)]);
    expect((await send({ key })).status).toBe(201);
  });

  it.each([
    ["broken JSON", "{", "{ "],
    ["JSON that is no UTF-8", new Uint8Array([0x22, 0xff, 0x22]), new Uint8Array([0x22, 0xfe, 0x22])],
    ["a form that is said to be JSON", "a=1", "a=2"],
  ])("that does not parse counts by its bytes, and the handler decides: %s", async (_, body, other) => {
    const { send } = app(db.prisma, place);
    const key = freshKey();
    expect((await send({ key, body, headers: json })).status).toBe(201);
    expect((await send({ key, body, headers: json })).replayed).toBe(true);
    expect(codeIn(await send({ key, body: other, headers: json }))).toEqual([422, "KEY_REUSED"]);
  });

  it("of JSON may be empty", async () => {
    const { send } = app(db.prisma, place);
    expect((await send({ key: freshKey(), headers: json, body: "" })).status).toBe(201);
  });

  it("can be read by the handler, as often as fetch allows: once", async () => {
    const { send } = app(db.prisma, async (request) => {
      const text = await request.text();
      await expect(request.text()).rejects.toThrow(TypeError);
      return new Response(text);
    });
    expect(await send({ key: freshKey(), body: "abc" })).toMatchObject({ status: 200, text: "abc" });
    const twice = app(
      db.prisma,
      async (request) => new Response((await request.text()) + (await request.text())),
    );
    await expect(twice.send({ key: freshKey(), body: "abc" })).rejects.toThrow(TypeError);
  });

  it("can be read anew where the run is repeated", async () => {
    let executions = 0;
    const { send } = app(
      db.prisma,
      async (request) => {
        const text = await request.text();
        executions += 1;
        if (executions < 3) {
          throw Object.assign(new Error("write conflict"), {
            name: "PrismaClientKnownRequestError",
            code: "P2034",
          });
        }
        return new Response(text);
      },
      { retryConflicts: 2 },
    );
    expect(await send({ key: freshKey(), body: "abc" })).toMatchObject({ status: 200, text: "abc" });
    expect(executions).toBe(3);
  });

  it("longer than bodyBytesMax is refused with 413 before it has ended", async () => {
    const { send } = app(db.prisma, place, { bodyBytesMax: 1_000 });
    let pulled = 0;
    const endless = new ReadableStream({
      pull: async (controller) => {
        pulled += 1;
        if (pulled > 20) await new Promise(() => {});
        controller.enqueue(new Uint8Array(100));
      },
    });
    expect(codeIn(await send({ key: freshKey(), body: endless }))).toEqual([413, "BODY_TOO_LARGE"]);
    expect(codeIn(await send({ key: freshKey(), body: "x".repeat(1_001) }))).toEqual([413, "BODY_TOO_LARGE"]);
    expect((await send({ key: freshKey(), body: "x".repeat(1_000) })).status).toBe(201);
  });

  it("that says it is too long is not read at all", async () => {
    const { handle } = app(db.prisma, place, { bodyBytesMax: 1_000 });
    const request = requestOf({ key: freshKey(), body: "x", headers: { "content-length": "5000000" } });
    expect((await handle(request)).status).toBe(413);
    expect(request.bodyUsed).toBe(false);
  });

  it("that breaks off is refused with 400", async () => {
    const { send } = app(db.prisma, place);
    const broken = new ReadableStream({
      start: (controller) => controller.enqueue(new Uint8Array(1)),
      pull: () => Promise.reject(new Error("connection reset")),
    });
    const answer = await send({ key: freshKey(), body: broken });
    expect(codeIn(answer)).toEqual([400, "BODY_INVALID"]);
    expect(problemIn(answer)["detail"]).not.toContain("reset");
  });

  it("that somebody has read before is a mistake of the application", async () => {
    const { handle } = app(db.prisma, place);
    const request = requestOf({ key: freshKey(), body: "x" });
    await request.text();
    await expect(handle(request)).rejects.toThrow(/body was read before withIdempotency/);
  });
});
