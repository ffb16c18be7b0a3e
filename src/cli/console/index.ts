/** What the command line adds to itself for the console. */
export { type LoadedIdempotency, type LoadIdempotency, registerConsole } from "./register-console.ts";
export { type ServeConsoleOptions, type ServedConsole, serveConsole } from "./serve-console.ts";
