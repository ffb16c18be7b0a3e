import { runExample } from "./worker.ts";

await runExample();
