/** What a child process of server.ts runs. */
import { runServer } from "./server.ts";

await runServer();
