/** The system's Chromium, for tests in a real browser. None is downloaded. */
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

const NAMES = ["chromium", "chromium-browser", "google-chrome"];

/** Path of the browser: CHROMIUM_PATH, or the first that PATH has. */
export function chromiumPath(): string | undefined {
  const given = process.env["CHROMIUM_PATH"];
  if (given !== undefined && given !== "") return given;
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  return folders
    .flatMap((folder) => NAMES.map((name) => join(folder, name)))
    .find((path) => existsSync(path));
}

/** The test files that a run has to leave out for want of a browser. In CI there must be one. */
export function browserTestsLeftOut(): string[] {
  if (chromiumPath() !== undefined) return [];
  const message =
    'LEFT OUT: tests in a browser. To run them: apt-get install chromium, or set "CHROMIUM_PATH".';
  if (process.env["CI"]) throw new Error(message);
  process.stderr.write(`${message}\n`);
  return ["test/browser/**", "test/examples/t3-app.test.ts"];
}

/** For root in a container too, and without a word to the network. Each launch has an empty profile of its own. */
export const CHROMIUM_ARGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
