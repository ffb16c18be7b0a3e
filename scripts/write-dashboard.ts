/** Writes ops/grafana/onceonly.json. `npm run dashboard` formats it too. */
import { writeFileSync } from "node:fs";
import { dashboard } from "./dashboard/dashboard.ts";

writeFileSync("ops/grafana/onceonly.json", `${JSON.stringify(dashboard(), null, 2)}\n`);
