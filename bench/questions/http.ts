import { randomBytes } from "node:crypto";
import { Agent, request } from "node:http";
import { spawnWorker } from "../../test/support/worker.ts";
import type { HttpServerData, HttpServerUp } from "../children/http-server.ts";
import type { BenchDatabase, DatabaseKind, Servers } from "../databases/database.ts";
import type { Http, Measured } from "../results.ts";
import { inTurn } from "../rounds.ts";
import type { Settings } from "../settings.ts";
import { ratioOf } from "../stats.ts";

type Server = Http["server"];

const VARIANTS = [
  { name: "bare", title: "in a bare transaction" },
  { name: "no-transaction", title: "without a transaction" },
  { name: "onceonly", title: "with onceonly" },
] as const;
type Variant = (typeof VARIANTS)[number]["name"];

/** Over a server in a process of its own, with a client here: fresh keys, one write. */
export async function measureHttp(
  kind: DatabaseKind,
  servers: Servers,
  settings: Settings,
  say: (line: string) => void,
): Promise<Http[]> {
  await using database = await kind.open(servers);
  const script = new URL("../children/http-server.ts", import.meta.url);
  const data: HttpServerData = {
    database: database.name,
    url: database.url,
    namedStatements: settings.namedStatements,
  };
  await using server = spawnWorker<HttpServerUp>(script, data);
  const { port } = await server.waitFor("listening");
  const levels = settings.mode === "full" ? [1, 8] : [8];
  const found: Http[] = [];
  for (const name of ["trpc", "yoga"] as const) {
    for (const concurrency of levels) {
      say(`${database.name}: ${name} over HTTP, concurrency ${concurrency}`);
      found.push(await measureServer(database, name, port, concurrency, settings));
    }
  }
  return found;
}

async function measureServer(
  database: BenchDatabase,
  server: Server,
  port: number,
  concurrency: number,
  settings: Settings,
): Promise<Http> {
  await database.empty();
  const agent = new Agent({ keepAlive: true, maxSockets: concurrency });
  const token = randomBytes(6).toString("hex");
  const used = new Map<Variant, number>();
  const runners = VARIANTS.map(({ name }) => ({
    name,
    operation: () => {
      const count = (used.get(name) ?? 0) + 1;
      used.set(name, count);
      return call(agent, port, server, name, `${token}:${name}:${count}`);
    },
  }));
  const results = await inTurn(runners, concurrency, settings);
  agent.destroy();
  const basis = (results.get("bare") ?? []).map(({ perSecond }) => perSecond);
  const variants: Measured[] = [];
  for (const { name, title } of VARIANTS) {
    const rounds = results.get(name) ?? [];
    const [row] = await database.query(`SELECT count(*) AS n FROM "Order" WHERE "key" LIKE $1`, [
      `${token}:${name}:%`,
    ]);
    variants.push({
      name,
      title,
      rounds,
      ratio: ratioOf(
        rounds.map(({ perSecond }) => perSecond),
        basis,
      ),
      keys: used.get(name) ?? 0,
      executions: Number(row?.["n"]),
    });
  }
  return { database: database.name, server, concurrency, variants };
}

const document = (field: string) =>
  `mutation Place($input: Place!) { ${field}(input: $input) { id key item quantity cents } }`;

function call(agent: Agent, port: number, server: Server, variant: Variant, key: string): Promise<void> {
  const input = { key, item: "book", quantity: 2 };
  const field = variant === "bare" ? "placeInTransaction" : "place";
  const body = JSON.stringify(server === "trpc" ? input : { query: document(field), variables: { input } });
  const path = server === "trpc" || variant === "onceonly" ? `/${server}/${variant}` : "/yoga/plain";
  const headers = {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
    "idempotency-key": `"${key}"`,
  };
  return new Promise((resolve, reject) => {
    const sent = request({ agent, host: "127.0.0.1", port, path, method: "POST", headers }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => (text += chunk));
      response.on("end", () => {
        // Yoga answers 200 with errors inside.
        if (response.statusCode === 200 && text.includes(key)) resolve();
        else reject(new Error(`HTTP ${response.statusCode}: ${text.slice(0, 300)}`));
      });
      response.on("error", reject);
    });
    sent.on("error", reject);
    sent.end(body);
  });
}
