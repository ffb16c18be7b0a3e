/** What a request may cost that a client has made to cost much: CPU time grows as its length, never as its square. */
import { describe, expect, test } from "vitest";
import { parseKeyListHeader } from "../../src/core/adapter/key-header.ts";
import { errorSerializer } from "../../src/core/contract/errors/error-serializer.ts";
import { devalueCodec } from "../../src/core/contract/options/codec.ts";
import { canonical } from "../../src/core/request/canonical.ts";
import { recordId } from "../../src/core/request/identity.ts";
import { comparableRequest } from "../../src/http/request/comparable-request.ts";
import { withLiterals } from "../../src/sql/literal.ts";
import { keyOf } from "../../src/trpc/request/key.ts";
import { growthOf, LINEAR } from "../support/growth.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

function bodyOf(contentType: string, textOf: (count: number) => string) {
  return (count: number) =>
    comparableRequest(
      { method: "POST", url: "http://test/", headers: new Headers({ "content-type": contentType }) },
      bytes(textOf(count)),
    ).catch((error: unknown) => error);
}

const BOUNDARY = "multipart/form-data; boundary=b";
const partOf = (name: string) => `--b\r\ncontent-disposition: form-data; name="${name}"\r\n\r\nx\r\n`;

const catching = (work: () => unknown) => {
  try {
    return work();
  } catch (error) {
    return error;
  }
};

describe("costs grow as the length of", () => {
  test.each<readonly [string, (count: number) => unknown]>([
    ["a list of bare keys", (count) => catching(() => parseKeyListHeader("a,".repeat(count), count))],
    ["a list of quoted keys", (count) => catching(() => parseKeyListHeader('"a",'.repeat(count), count))],
    ["a list of escapes", (count) => catching(() => parseKeyListHeader(`"${'\\"'.repeat(count)}"`, 2))],
    [
      "a list with parameters",
      (count) => catching(() => parseKeyListHeader(`"a"${";a=1".repeat(count)},"b"`, 2)),
    ],
    ["a scope", (count) => recordId({ scope: "s".repeat(count), operation: "o", key: "k" })],
    ["an input with holes", (count) => canonical(Object.assign<unknown[], object>([], { length: count }))],
    [
      "an input with names",
      (count) => canonical(Object.fromEntries(Array.from({ length: count }, (_, n) => [`n${n}`, n]))),
    ],
    ["JSON", bodyOf("application/json", (count) => `[${'{"a":1},'.repeat(count)}1]`)],
    ["JSON that breaks off", bodyOf("application/json", (count) => '[{"a":'.repeat(count))],
    ["a form", bodyOf("application/x-www-form-urlencoded", (count) => "a=1&".repeat(count))],
    ["a form of escapes", bodyOf("application/x-www-form-urlencoded", (count) => "%2".repeat(count))],
    ["a multipart form", bodyOf(BOUNDARY, (count) => `${partOf("a").repeat(count)}--b--\r\n`)],
    ["a multipart form that breaks off", bodyOf(BOUNDARY, (count) => "--b\r\n".repeat(count))],
    [
      "a stored result",
      (count) =>
        devalueCodec.decode(devalueCodec.encode(Array.from({ length: count }, (_, n) => ({ n: `${n}` })))),
    ],
    [
      "an error with properties",
      (count) =>
        errorSerializer.deserialize(
          errorSerializer.serialize(
            Object.assign(
              new Error("m"),
              Object.fromEntries(Array.from({ length: count }, (_, n) => [`n${n}`, n])),
            ),
          ),
        ),
    ],
    [
      "an error with errors inside of it",
      (count) =>
        errorSerializer.deserialize(
          errorSerializer.serialize(
            new AggregateError(
              Array.from({ length: count }, () => new Error("x")),
              "m",
            ),
          ),
        ),
    ],
    [
      "a value in a message",
      (count) => withLiterals({ text: "SELECT $1", values: ["'é\\".repeat(count)] }, (text) => `'${text}'`),
    ],
  ])("%s", async (_, work) => {
    expect(await growthOf(work, 500)).toBeLessThan(LINEAR);
  });

  test.each([
    ["good", (count: number) => Array.from({ length: count }, () => '"a"').join(",")],
    ["refused", (count: number) => `${"a,".repeat(count - 1)}(`],
  ])("a batch whose keys are %s, of which each call asks for its own", async (_, headerOf) => {
    const getRawInput = async () => undefined;
    const readAll = async (count: number) => {
      const calls = Array.from({ length: count }, () => ({ path: "p", getRawInput }));
      const request = { headers: { "idempotency-key": headerOf(count) }, info: { isBatchCall: true, calls } };
      for (let batchIndex = 0; batchIndex < count; batchIndex += 1) {
        await keyOf(undefined, { path: "p", batchIndex, getRawInput } as never, request).catch(
          () => undefined,
        );
      }
    };
    expect(await growthOf(readAll, 120)).toBeLessThan(LINEAR);
  });
});
