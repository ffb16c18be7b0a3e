import { createHash, randomBytes } from "node:crypto";
import { describedBy } from "../../src/prisma/client/private-members.ts";
import { namesIn } from "../../src/sql/dialect/names.ts";
import { dialects, namingOf } from "../../src/sql/dialects.ts";
import { type Placed, placeRaw } from "../shop.ts";
import { type Contender, running } from "./contender.ts";

const DAY_MS = 86_400_000;

/** The statements of onceonly's transaction mode, sent by the driver alone: the limit below Prisma. */
export const raw: Contender = {
  name: "raw",
  title: "raw driver, our statements",
  replays: true,
  needs: undefined,
  databases: ["postgresql", "sqlite"],
  async open({ database, prisma, raw: pool }) {
    // Of the sources, so that they are the statements of the day. A change of the interface fails in the type check.
    const dialect = dialects[database.name];
    const names = namesIn(describedBy(prisma), undefined, namingOf(dialect));
    return running(async (key, work) => {
      const id = createHash("sha256").update(key).digest("base64url");
      const owner = randomBytes(16).toString("base64url");
      const insert = dialect.insert(names, {
        id,
        scope: "raw",
        operation: "orders.place",
        key,
        fingerprint: id,
        owner,
        retentionMs: DAY_MS,
        lockWaitMs: 10_000,
        leaseMs: null,
        input: null,
      });
      const placed = await pool.transaction(async (session) => {
        if ((await session.execute(insert.text, insert.values)) === 0) {
          const read = dialect.read(names, { id, fingerprint: id });
          const [seen] = await session.query(read.text, read.values);
          return JSON.parse(String(seen?.["response"])) as Placed;
        }
        const made = await placeRaw(session, key, work);
        const response = JSON.stringify(made);
        const complete = dialect.complete(names, {
          id,
          owner,
          status: "completed",
          response,
          retentionMs: null,
        });
        await session.query(complete.text, complete.values);
        return made;
      });
      await work.committed?.();
      return placed;
    });
  },
};
