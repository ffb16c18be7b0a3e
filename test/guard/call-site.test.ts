import { describe, expect, it } from "vitest";
import { callSiteOf } from "../../src/prisma/guard/call-site.ts";
import type { HandlerScope } from "../../src/prisma/handler/scope.ts";

const scopeAt = (...frames: string[]) =>
  ({ askedAt: ["Error", ...frames.map((frame) => `    at ${frame}`)].join("\n") }) as unknown as HandlerScope;

const PRISMA = "Proxy.$executeRaw (/app/node_modules/@prisma/client/runtime/client.js:1:2)";

describe("the place of a statement", () => {
  it.each([
    ["/app/orders.ts:12:3", "place (/app/orders.ts:12:3)"],
    ["/app/orders.ts:12:3", "place (file:///app/orders.ts:12:3)"],
    ["/app/orders.ts:12:3", "/app/orders.ts:12:3"],
    // As with --enable-source-maps.
    ["/app/orders.ts:12:3", "<anonymous> (/app/orders.ts:12:3)"],
  ])("is %s for the frame %j", (place, frame) => {
    const scope = scopeAt(
      PRISMA,
      "new Promise (<anonymous>)",
      "node:internal/timers:1:2",
      frame,
      "later (/app/b.ts:1:1)",
    );
    expect(callSiteOf(scope, { action: "create" })).toBe(place);
  });

  it("is that of the application, where a library of its writes, and else that of the library", () => {
    const library = "write (/app/node_modules/audit/index.js:7:1)";
    const windows = "write (C:\\\\app\\\\node_modules\\\\audit\\\\index.js:7:1)";
    const inApplication = scopeAt(PRISMA, library, windows, "place (/app/orders.ts:12:3)");
    expect(callSiteOf(inApplication, { action: "create" })).toBe("/app/orders.ts:12:3");
    expect(callSiteOf(scopeAt(PRISMA, library), { action: "create" })).toBe(
      "/app/node_modules/audit/index.js:7:1",
    );
  });

  it("is what Prisma says where the stack tells nothing, and else unknown", () => {
    const location = { fileName: "/app/orders.ts", lineNumber: 12, columnNumber: null };
    const request = { action: "create", callsite: { getLocation: () => location } };
    expect(callSiteOf(scopeAt(PRISMA), request)).toBe("/app/orders.ts:12:?");
    expect(callSiteOf(scopeAt(PRISMA), { action: "create" })).toBeUndefined();
  });
});
