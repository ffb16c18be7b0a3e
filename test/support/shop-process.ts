/** What a child process of shop-worker.ts runs. */
import { runShop } from "./shop-worker.ts";

await runShop();
