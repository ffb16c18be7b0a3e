import { describe, expect, test } from "vitest";
import { databases } from "../support/database.ts";
import { pothos } from "./ambient/pothos.ts";
import { crashTests, openExample, send } from "./ambient/suite.ts";

crashTests(pothos);

describe.each(databases)("the Prisma plugin of Pothos on $name", ({ open }) => {
  test("sees what is not yet committed in what it loads by itself", async () => {
    await using opened = await openExample(pothos, open);
    await using worker = await opened.start();
    const { answers, statements } = await send(worker, { key: "k" });
    expect(answers[0]?.body).toEqual({
      placeOrder: {
        id: "1",
        reference: "k",
        customer: { id: "ada", orders: [{ id: "1" }] },
        items: [
          { quantity: 2, product: { name: "tea", sold: 2 } },
          { quantity: 1, product: { name: "cake", sold: 1 } },
        ],
        firstItem: [{ quantity: 2, product: { stock: 998 } }],
      },
    });
    // Once in the resolver, once by the plugin; both before COMMIT.
    const loads = statements.flatMap((statement, n) =>
      /SELECT .*"OrderItem"|SELECT .*`OrderItem`/s.test(statement) ? [n] : [],
    );
    expect(loads.length).toBeGreaterThanOrEqual(2);
    expect(Math.max(...loads)).toBeLessThan(statements.indexOf("(commit)"));
  });
});
