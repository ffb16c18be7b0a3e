// oxlint-disable-next-line import/no-unassigned-import -- React looks for a document while it is loaded
import "../react/dom.ts";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { renderHook } from "@testing-library/react";
import { createServerAdapter } from "@whatwg-node/server";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { idempotencyKeyHeader, idempotentFetch } from "../../src/client/index.ts";
import { outcomeOf, type ResponseOutcome, withIdempotency } from "../../src/http/index.ts";
import { useIdempotencyKey } from "../../src/react/index.ts";
import { openSqlite, type TestDatabase } from "../support/database.ts";
import { idempotencyOf } from "../support/runs.ts";
import { scaled } from "../support/scale.ts";

let db: TestDatabase;
beforeAll(async () => {
  db = await openSqlite();
});
afterAll(() => db[Symbol.asyncDispose]());

const statuses = scaled({
  short: [200, 302, 400, 402, 409, 422, 429, 499, 500, 503],
  // To 407, `fetch` itself answers with an error: it has no proxy that asks for a password.
  long: Array.from({ length: 400 }, (_, index) => 200 + index).filter((status) => status !== 407),
});

/** One that keeps what nobody keeps, and gives up what everybody keeps. */
const upsideDown = (status: number): ResponseOutcome => {
  const usual = outcomeOf({ status, headers: new Headers() });
  return usual === "release" ? "commit" : status % 2 === 0 ? "release" : "store";
};

async function listen(outcome: (status: number) => ResponseOutcome, storeError: boolean) {
  let executions = 0;
  const handle = withIdempotency(
    {
      idempotency: idempotencyOf(db.prisma),
      scope: "global",
      outcome: ({ status }) => outcome(status),
      storeError: () => storeError,
    },
    async (request: Request) => {
      executions += 1;
      const status = Number(await request.text());
      const response = new Response(null, { status });
      // Half of them are thrown: a response is judged by its outcome, whatever storeError says.
      if (status % 4 === 0) throw response;
      return response;
    },
  );
  const adapter = createServerAdapter(handle);
  const server = createServer((...call) => void adapter(...call));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    executionsOf: async (work: () => Promise<unknown>) => {
      executions = 0;
      await work();
      return executions;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const fetch = idempotentFetch({ attemptsMax: 2, backoffMs: 1 });

describe.each(scaled({ short: [true], long: [true, false] }))(
  "over a real server, where storeError is %j",
  (storeError) => {
    it.each([
      ["the default outcome", (status: number) => outcomeOf({ status, headers: new Headers() })],
      ["an outcome that turns it upside down", upsideDown],
      ["an outcome that commits everything", (): ResponseOutcome => "commit"],
    ])("the key follows what is told, of any status, with %s", async (name, outcome) => {
      await using server = await listen(outcome, storeError);
      for (const status of statuses) {
        for (const once of [false, true]) {
          const intent = `${name} ${status} ${once} ${storeError}`;
          const { result, unmount } = renderHook(() => useIdempotencyKey({ intent, once }));
          const { key, settle } = result.current;
          const sent = key();
          const send = () =>
            fetch(server.url, {
              method: "POST",
              headers: { ...idempotencyKeyHeader(sent) },
              body: `${status}`,
            });
          const response = await send();
          const isKept = outcome(status) !== "release";
          const told = response.headers.get("idempotency-outcome");
          expect([status, response.status, told]).toEqual([status, status, isKept ? "stored" : "released"]);
          settle(sent, response);
          expect([status, once, key() !== sent]).toEqual([status, once, isKept && (!once || status >= 400)]);
          expect((await server.executionsOf(send)) === 0).toBe(isKept);
          unmount();
        }
      }
    });
  },
);
