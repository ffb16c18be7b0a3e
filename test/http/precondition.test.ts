import { describe, expect, it } from "vitest";
import { etagOf, ifMatch, preconditionFailed } from "../../src/http/index.ts";
import { databases, onPostgres } from "../support/database.ts";
import { gate } from "../support/gate.ts";
import { app, codeIn, read, recordsOf, type Sent } from "./support.ts";

const asked = (header?: string) => ({
  headers: new Headers(header === undefined ? {} : { "if-match": header }),
});

async function answerTo(header: string | undefined, current: string | null | undefined) {
  const refused = ifMatch(asked(header), current);
  return refused === undefined ? "goes on" : codeIn(await read(refused));
}

describe("ifMatch", () => {
  it.each<[string | undefined, string | null, unknown]>([
    ['"7"', '"7"', "goes on"],
    ['"6"', '"7"', [412, "PRECONDITION_FAILED"]],
    ['"6", "7"', '"7"', "goes on"],
    ['\t"6"\t,"7" ', '"7"', "goes on"],
    ["*", '"7"', "goes on"],
    [" * ", '"7"', "goes on"],
    ["*", null, [412, "PRECONDITION_FAILED"]],
    ['"7"', null, [412, "PRECONDITION_FAILED"]],
    ['W/"7"', 'W/"7"', [412, "PRECONDITION_FAILED"]],
    ['W/"7"', '"7"', [412, "PRECONDITION_FAILED"]],
    ['"7"', 'W/"7"', [412, "PRECONDITION_FAILED"]],
    ['"a,b"', '"a,b"', "goes on"],
    ['""', '""', "goes on"],
    [undefined, '"7"', [428, "PRECONDITION_REQUIRED"]],
    ["7", '"7"', [400, "PRECONDITION_INVALID"]],
    ["", '"7"', [400, "PRECONDITION_INVALID"]],
    ['"7', '"7"', [400, "PRECONDITION_INVALID"]],
    ['"7" "8"', '"7"', [400, "PRECONDITION_INVALID"]],
    ['*, "7"', '"7"', [400, "PRECONDITION_INVALID"]],
    ['w/"7"', '"7"', [400, "PRECONDITION_INVALID"]],
    [`"${"7".repeat(100_000)}`, '"7"', [400, "PRECONDITION_INVALID"]],
    [`${'"6",'.repeat(20_000)}"7"`, '"7"', "goes on"],
    [`${"\t".repeat(50_000)}x`, '"7"', [400, "PRECONDITION_INVALID"]],
  ])("If-Match: %.20s, for the tag %s: %s", async (header, current, expected) => {
    expect(await answerTo(header, current)).toEqual(expected);
  });

  it("lets a request without the header pass where it is not required", () => {
    expect(ifMatch(asked(), '"7"', { require: false })).toBe(undefined);
    expect(ifMatch(asked('"6"'), '"7"', { require: false })?.status).toBe(412);
  });

  it("refuses a tag that is none, with the remedy", () => {
    for (const tag of ["7", 'W/7"', '"a b"', '"', 7 as never]) {
      expect(() => ifMatch(asked('"7"'), tag)).toThrow(/currentETag of ifMatch.*with its quotes/);
    }
  });

  it("names the documentation", () => {
    const documentation = "https://example.com/docs";
    const link = `<${documentation}>; rel="describedby"`;
    expect(ifMatch(asked(), '"7"', { documentation })?.headers.get("link")).toBe(link);
    expect(preconditionFailed({ documentation }).headers.get("link")).toBe(link);
  });
});

describe("etagOf", () => {
  it("quotes a version", () => {
    expect([etagOf(7), etagOf(2n ** 60n), etagOf("a-b")]).toEqual(['"7"', '"1152921504606846976"', '"a-b"']);
  });

  it.each(['a"b', "a b", "a\nb", "ü€", undefined, null, {}])("refuses %j", (version) => {
    expect(() => etagOf(version as string)).toThrow(/version of etagOf/);
  });
});

/** The recipe of the guide. */
function accounts(
  db: { prisma: Parameters<typeof app>[0] },
  afterRead: () => Promise<void> = async () => {},
) {
  let executions = 0;
  const { send } = app(
    db.prisma,
    async (request, { tx }) => {
      executions += 1;
      const account = await tx.account.findUnique({ where: { id: "ada" } });
      const refused = ifMatch(request, account && etagOf(account.version));
      if (refused !== undefined) return refused;
      const version = account?.version ?? 0;
      await afterRead();
      const { count } = await tx.account.updateMany({
        where: { id: "ada", version },
        data: { balance: ((await request.json()) as { balance: number }).balance, version: { increment: 1 } },
      });
      if (count === 0) return preconditionFailed();
      return new Response(null, { status: 204, headers: { etag: etagOf(version + 1) } });
    },
    { methods: ["PUT"] },
  );
  const put = (balance: number, tag: string, sent: Sent = {}) =>
    send({
      method: "PUT",
      path: "/accounts/ada",
      body: JSON.stringify({ balance }),
      ...sent,
      headers: { "content-type": "application/json", "if-match": tag },
    });
  return { put, executions: () => executions };
}

describe.each(databases)("a version column and a key together, on $name", ({ open }) => {
  it("a retry gets the first answer, though the version has moved on", async () => {
    await using db = await open();
    await db.prisma.account.create({ data: { id: "ada", balance: 1 } });
    const { put, executions } = accounts(db);
    const first = await put(10, '"0"');
    expect([first.status, first.headers.get("etag")]).toEqual([204, '"1"']);
    const retry = await put(10, '"0"');
    expect([retry.status, retry.headers.get("etag"), retry.replayed]).toEqual([204, '"1"', true]);
    expect(executions()).toBe(1);
    expect(await db.prisma.account.findMany()).toEqual([{ id: "ada", balance: 10, version: 1 }]);
  });

  it("a stale version is refused, and releases the key for the request with a fresh one", async () => {
    await using db = await open();
    await db.prisma.account.create({ data: { id: "ada", balance: 1, version: 5 } });
    const { put } = accounts(db);
    expect(codeIn(await put(10, '"4"'))).toEqual([412, "PRECONDITION_FAILED"]);
    expect(await recordsOf(db)).toEqual([]);
    expect((await put(10, '"5"')).headers.get("etag")).toBe('"6"');
    expect(await db.prisma.account.findMany()).toEqual([{ id: "ada", balance: 10, version: 6 }]);
  });
});

describe.runIf(onPostgres)("two writers of one version", () => {
  it("one wins, the other gets 412, as the write itself is conditional", async () => {
    const { open } = databases.find(({ name }) => name === "postgresql")!;
    await using db = await open();
    await db.prisma.account.create({ data: { id: "ada", balance: 1 } });
    const bothHaveRead = gate();
    let readers = 0;
    const { put } = accounts(db, async () => {
      readers += 1;
      if (readers === 2) bothHaveRead.open();
      await bothHaveRead.opened;
    });
    const answers = await Promise.all([put(10, '"0"', { key: "a" }), put(20, '"0"', { key: "b" })]);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([204, 412]));
    const [account] = await db.prisma.account.findMany();
    expect(account).toMatchObject({ version: 1, balance: answers[0]?.status === 204 ? 10 : 20 });
  });
});

describe.each(databases)("natural idempotency by upsert, on $name", ({ open }) => {
  it("makes one row of concurrent duplicates, without a key", async () => {
    await using db = await open();
    const { send } = app(db.prisma, async (request) => {
      const id = new URL(request.url).pathname.split("/").at(-1) ?? "";
      const { balance } = (await request.json()) as { balance: number };
      const account = await db.prisma.account.upsert({
        where: { id },
        create: { id, balance },
        update: { balance },
      });
      return Response.json(account);
    });
    const put = () => send({ method: "PUT", path: "/accounts/ada", key: null, body: '{"balance":5}' });
    const answers = await Promise.all(Array.from({ length: 10 }, put));
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    expect(await db.prisma.account.findMany()).toEqual([{ id: "ada", balance: 5, version: 0 }]);
  });
});
