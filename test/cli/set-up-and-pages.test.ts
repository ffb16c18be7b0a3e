/** The commands that set up, upgrade, encrypt anew and serve pages, as processes. */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ended, kinds, openApp, type TestApp } from "./app.ts";

describe.concurrent.each(kinds)("onceonly, in an application on %s", (kind) => {
  let app: TestApp;
  beforeAll(async () => {
    app = await openApp(kind);
  });
  afterAll(() => app[Symbol.asyncDispose]());

  it("init adds the models once; a second time changes nothing", async () => {
    app.write("prisma/schema.prisma", `datasource db {\n  provider = "${kind}"\n}\n`);
    const before = readFileSync(`${app.folder}/prisma/schema.prisma`, "utf8");
    const first = await app.onceonly("init");
    expect([first.code, first.stderr]).toEqual([0, ""]);
    expect(first.stdout).toMatch(
      /^Added the models IdempotencyRecord and IdempotencyStep to prisma\/schema.prisma/,
    );
    const after = readFileSync(`${app.folder}/prisma/schema.prisma`, "utf8");
    expect(after.startsWith(before)).toBe(true);
    const second = await app.onceonly("init", "--json");
    expect([second.code, JSON.parse(second.stdout)]).toMatchObject([0, { models: [] }]);
    expect(readFileSync(`${app.folder}/prisma/schema.prisma`, "utf8")).toBe(after);
    const wrong = await app.onceonly("init", "--db-schema", "a");
    expect([wrong.code, wrong.stdout]).toEqual([2, ""]);
    expect(wrong.stderr).toMatch(/^onceonly: --db-schema says a/);
  });

  it("upgrade prints SQL alone, and 1 says that there is something to do", async () => {
    const done = await app.onceonly("upgrade");
    expect([done.code, done.stdout]).toEqual([
      0,
      "-- The tables have what this version needs: nothing to do.\n",
    ]);
    await app.database.query("DROP INDEX idempotency_record_locked_until_idx");
    const { code, stdout } = await app.onceonly("upgrade");
    expect(code).toBe(1);
    const statements = stdout.split("\n").filter((line) => line !== "" && !line.startsWith("--"));
    expect(statements).toEqual([
      'CREATE INDEX "idempotency_record_locked_until_idx" ON "idempotency_record"("locked_until");',
    ]);
    for (const statement of statements) await app.database.query(statement);
    expect((await app.onceonly("upgrade")).code).toBe(0);
  });

  it("reencrypt encrypts what is stored, and needs keys", async () => {
    await app.idempotency.run({ operation: "o", scope: "s", key: "secret" }, async () => "in clear");
    const without = await app.onceonly("reencrypt");
    expect([without.code, without.stdout]).toEqual([2, ""]);
    expect(without.stderr).toContain("reencrypt() needs option encryption of createIdempotency");
    const [file, from] =
      kind === "sqlite"
        ? ["keys.config.ts", "./src/server/db.ts"]
        : ["keys.config.js", "./server/idempotency.js"];
    const key = randomBytes(32).toString("base64");
    app.write(
      file,
      `import { createIdempotency } from "ONCEONLY";
      import { prisma } from "${from}";
      const encryption = { current: "a", keys: { a: "${key}" } };
      export default { idempotency: createIdempotency({ prisma, encryption }) };`,
    );
    const { code, stdout } = await app.onceonly("reencrypt", "--config", file, "--json");
    expect([code, JSON.parse(stdout)]).toEqual([
      0,
      { records: 1, rewritten: 1, unreadable: 0, isStopped: false },
    ]);
    const [row] = await app.database.query("SELECT response FROM idempotency_record WHERE key = 'secret'");
    expect(row?.["response"]).toMatch(/^aes-256-gcm:a:/);
    const shown = await app.onceonly(
      "show",
      "--operation",
      "o",
      "--scope",
      "s",
      "--key",
      "secret",
      "--config",
      file,
    );
    expect(shown.stdout).toContain("in clear");
    await app.database.query("DELETE FROM idempotency_record");
  });

  it("console serves pages to who has the address, until it is interrupted", async () => {
    const child = app.start(["console"]);
    let printed = "";
    child.stdout.on("data", (part) => {
      printed += String(part);
    });
    await expect.poll(() => printed, { timeout: 300_000 }).toContain("Ctrl-C ends it.");
    const url = /http:\S+/.exec(printed)?.[0] ?? "";
    const entered = await fetch(url, { redirect: "manual" });
    expect(entered.status).toBe(303);
    const cookie = entered.headers.get("set-cookie")?.split(";")[0] ?? "";
    const page = await fetch(new URL(entered.headers.get("location") ?? "", url), { headers: { cookie } });
    expect([page.status, await page.text()]).toEqual([200, expect.stringContaining("<title>")]);
    expect((await fetch(new URL("/", url))).status).toBe(403);
    child.kill("SIGINT");
    expect((await ended(child)).code).toBe(0);
    await expect(fetch(url)).rejects.toThrow("fetch failed");
  });

  it("console says that a port is in use, or is none", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const { port } = taken.address() as AddressInfo;
    const inUse = await app.onceonly("console", "--port", String(port));
    taken.close();
    expect([inUse.code, inUse.stdout]).toEqual([2, ""]);
    expect(inUse.stderr).toContain(`Port ${port} is in use: give another one by --port, or none.`);
    const wrong = await app.onceonly("console", "--port", "http");
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining("'http' is invalid")]);
  });
});
