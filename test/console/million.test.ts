/** The console over many records: each page asks little of the database. In the long run a million of them. */
import { describe, expect, it } from "vitest";
import { createConsole } from "../../src/console/index.ts";
import { databases, type TestDatabase } from "../support/database.ts";
import { scaled } from "../support/scale.ts";
import { shopOf } from "./records.ts";
import { idsIn, textOf, Visitor } from "./support.ts";

const COUNT = scaled({ short: 2_000, long: 1_000_000 });

/** Finished records k1, k2 and so on, the first of which expires first, all within a day. */
async function fill(db: TestDatabase, count: number): Promise<void> {
  const numbers =
    db.provider === "sqlite"
      ? `WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ${count})`
      : `WITH numbers AS (SELECT n FROM generate_series(1, ${count}) AS n)`;
  const ago = (days: number) =>
    db.provider === "sqlite"
      ? `strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now', '${days} days', (n * 43200.0 / ${count}) || ' seconds')`
      : `now() + interval '${days} days' + n * interval '43200 s' / ${count}`;
  // An id has 43 characters.
  const id = db.provider === "sqlite" ? "printf('%043d', n)" : "lpad(n::text, 43, '0')";
  const text = db.provider === "sqlite" ? "n" : "n::text";
  await db.query(
    `INSERT INTO idempotency_record (id, scope, operation, key, fingerprint, owner, status, attempt, response, created_at, completed_at, expires_at)
${numbers}
SELECT ${id}, 'user-' || (n % 1000), CASE n % 10 WHEN 0 THEN 'payments.capture' ELSE 'orders.place' END, 'k' || ${text}, '-', '-',
  CASE n % 100 WHEN 0 THEN 'failed' ELSE 'completed' END, 1, 'devalue:[1]', ${ago(-1)}, ${ago(-1)}, ${ago(1)} FROM numbers`,
  );
  if (db.provider === "postgresql") await db.query("ANALYZE idempotency_record");
}

describe.each(databases)(`over ${COUNT.toLocaleString("en")} records on $name`, ({ open }) => {
  it("each page sends few statements, and each of them reads a bounded number of records", async () => {
    const statements: string[] = [];
    await using db = await open({ log: (statement) => statements.push(statement) });
    await fill(db, COUNT);
    const visitor = new Visitor(createConsole({ idempotency: shopOf(db), authorize: () => true }));
    /** What a page of it sent to the database. */
    const asked = async (path: string) => {
      statements.length = 0;
      const answered = await visitor.get(path);
      expect(answered.status).toBe(200);
      const sent = statements.filter((text) => text.includes("idempotency_record"));
      return { ...answered, sent };
    };
    const nextOf = (html: string) =>
      /href="\/onceonly([^"]*after=[^"]*)"/.exec(html)?.[1]?.replaceAll("&amp;", "&");

    // By the index on `expires_at`: as many records as are shown, however far in.
    let path = "/";
    for (let n = 0; n < 20; n += 1) {
      const { html, sent } = await asked(path);
      expect(idsIn(html)).toHaveLength(50);
      expect(sent).toHaveLength(1);
      expect(sent[0]).toMatch(/ORDER BY .*expires_at"? DESC, .*id"? DESC LIMIT 50\n\) AS page/);
      path = nextOf(html) ?? expect.fail();
    }

    // By its id, with its steps.
    const { html, sent } = await asked(`/records/${String(COUNT / 2).padStart(43, "0")}`);
    expect(textOf(html)).toContain(`user-${(COUNT / 2) % 1_000}`);
    expect(sent.length).toBeLessThanOrEqual(2);

    // By what no index serves: in stretches, until it is found or two seconds are over; then the reader goes on.
    let found: string[] = [];
    for (let next: string | undefined = "/?key=k7"; next !== undefined && found.length === 0; ) {
      const page = await asked(next);
      for (const statement of page.sent) expect(statement).toMatch(/LIMIT \d+( OFFSET \d+$|\n\) AS page)/);
      found = idsIn(page.html);
      next = nextOf(page.html);
    }
    expect(found).toEqual(["7".padStart(43, "0")]);

    // In progress: by an index that holds nothing else.
    expect((await asked("/?state=in_progress")).sent).toHaveLength(1);
    expect(idsIn((await asked("/?state=failed&scope=user-0")).html).length).toBeGreaterThan(0);
    expect(textOf((await asked("/overview")).html)).toContain("payments.capture");
  });
});
