/** One user with the key of another: through every adapter that has users, it is a key that nobody has used. */
import { describe, expect, test } from "vitest";
import { createIdempotency } from "../../src/create-idempotency.ts";
import { databases } from "../support/database.ts";
import { door as doorOf } from "../support/runs.ts";
import { type Ask, DOORS } from "./doors.ts";

const CASES = DOORS.filter(({ hasScope }) => hasScope).flatMap((door) =>
  (["transaction", "lease"] as const).map((mode) => ({ door, mode, name: door.name })),
);

const asked = (mode: Ask["mode"], more: Partial<Ask> = {}): Ask => ({
  mode,
  key: "of-ada",
  user: "ada",
  input: "card",
  answer: () => "for ada",
  ...more,
});

describe.each(databases)("on $name", ({ open, name: provider }) => {
  // SQLite has one writer at a time, in whatever scope.
  const besideOthers = CASES.filter(({ mode }) => mode === "lease" || provider !== "sqlite");

  test.each(CASES)(
    "the key of another user, guessed, gets the answer of an unused one, byte for byte: $name, $mode",
    async ({ door, mode }) => {
      await using db = await open();
      const idempotency = createIdempotency({ prisma: db.prisma });
      const first = await door.send(idempotency, asked(mode));
      const answer = () => "for bob";
      const guessed = await door.send(idempotency, asked(mode, { user: "bob", answer }));
      const unused = await door.send(idempotency, asked(mode, { user: "bob", key: "unused", answer }));
      expect(guessed).toEqual(unused);
      expect(guessed.text).not.toContain("for ada");
      // With another input, too: KEY_REUSED would say that somebody has used it.
      const other = { user: "eve", input: "another", answer: () => "for eve" };
      expect(await door.send(idempotency, asked(mode, other))).toEqual(
        await door.send(idempotency, asked(mode, { ...other, key: "unused" })),
      );
      const again = await door.send(idempotency, asked(mode, { answer: () => expect.fail("RAN TWICE") }));
      expect([first.text, again.text].map((text) => text.includes("for ada"))).toEqual([true, true]);
    },
  );

  test.each(besideOthers)(
    "the key of another user is answered at once while that user's is under way: $name, $mode",
    async ({ door, mode }) => {
      await using db = await open();
      const idempotency = createIdempotency({ prisma: db.prisma });
      const { wait, arrived, open: openDoor } = doorOf();
      const first = door.send(idempotency, asked(mode, { answer: wait }));
      await arrived;
      const bob = await door.send(idempotency, asked(mode, { user: "bob", answer: () => "for bob" }));
      expect(bob.text).toContain("for bob");
      openDoor();
      await first;
    },
  );

  test.each(CASES)(
    "a scope left out is refused, and nothing is executed: $name, $mode",
    async ({ door, mode }) => {
      await using db = await open();
      const idempotency = createIdempotency({ prisma: db.prisma });
      const answer = () => expect.fail("RAN");
      const { status, text } = await door.send(idempotency, asked(mode, { user: "", answer }));
      expect([status, text]).toEqual([500, expect.stringMatching(/scope/i)]);
      expect(await db.countOrders()).toBe(0);
    },
  );
});
