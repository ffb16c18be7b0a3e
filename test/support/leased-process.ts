/** What a child process of leased-worker.ts runs. */
import { runLeasedShop } from "./leased-worker.ts";

await runLeasedShop();
