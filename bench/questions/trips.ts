import { openProxy } from "../../test/support/tcp-proxy.ts";
import { competing } from "../arena.ts";
import type { Environment } from "../contenders/contender.ts";
import type { DatabaseKind, Servers } from "../databases/database.ts";
import type { Trips } from "../results.ts";
import type { Settings } from "../settings.ts";
import { type WorkName, workOf } from "../shop.ts";

/** Counts what passes between a contender and the server, through a proxy that speaks its protocol. */
export async function measureTrips(
  kind: DatabaseKind,
  servers: Servers,
  settings: Settings,
): Promise<Trips[]> {
  const found: Trips[] = [];
  const runs = settings.mode === "smoke" ? 3 : 20;
  await using database = await kind.open(servers);
  await using proxy = await openProxy(database.url);
  for (const contender of competing(settings, kind.name, servers)) {
    const environment: Environment = {
      database: { name: database.name, url: proxy.url },
      prisma: await kind.connect(proxy.url),
      raw: await kind.connectRaw(proxy.url),
      redis: servers.redis,
      executor: "trips",
    };
    await using opened = await contender.open(environment);
    let next = 0;
    const key = () => `trips:${contender.name}:${process.pid}:${next}`;
    const count = async (work: WorkName, load: Trips["load"], fresh: boolean) => {
      // The first opens connections, and tells the contender what it asks once.
      const one = async () => {
        if (load !== "elsewhere") return opened.run(key(), workOf(work));
        await using other = await contender.open(environment);
        proxy.reset();
        return other.run(key(), workOf(work));
      };
      await one();
      let texts: string[] = [];
      let statements = 0;
      let roundTrips = 0;
      for (let run = 0; run < runs; run += 1) {
        if (fresh) next += 1;
        proxy.reset();
        await one();
        statements += proxy.statements.length;
        roundTrips += proxy.roundTrips;
        texts = proxy.statements.map(shortened);
      }
      const { name, title } = contender;
      const means = { statements: statements / runs, roundTrips: roundTrips / runs };
      found.push({ contender: name, title, work, load, ...means, texts });
    };
    await count("one", "fresh", true);
    await count("four", "fresh", true);
    if (contender.replays) await count("one", "replay", false);
    if (contender.name.startsWith("onceonly")) await count("one", "elsewhere", false);
    await environment.prisma.$disconnect();
    await environment.raw.close();
  }
  return found;
}

/** Enough to see which statement it is. */
function shortened(text: string): string {
  const line = text.replaceAll(/\s+/g, " ").trim();
  return line.length > 100 ? `${line.slice(0, 99)}…` : line;
}
