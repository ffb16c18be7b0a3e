import type { Results } from "../../results.ts";
import { ambient, memory, size, trips } from "./costs.ts";
import { duplicates } from "./duplicates.ts";
import { growth, prune } from "./growth.ts";
import { http } from "./http.ts";
import { kills } from "./kills.ts";
import { network } from "./network.ts";
import { node, processes } from "./processes.ts";
import { MAIN, others, type Section } from "./section.ts";
import { FOUR, fresh, MIXED, names, ONE, otherDatabase, replays, SEEN, UNSEEN } from "./throughput.ts";

/** In the order of the page. A question that was not asked has no section. */
export function sectionsOf(results: Results): Section[] {
  const plain = results.throughput.filter(
    ({ namedStatements }) => namedStatements === (results.options["namedStatements"] === true),
  );
  const on = (database: string, work: string, load: string) =>
    plain.filter((each) => each.database === database && each.work === work && each.load === load);
  const sections = [
    fresh("fresh", "What does a fresh key cost?", ONE, on(MAIN, "one", "fresh")),
    fresh("four", "And a handler of four writes?", FOUR, on(MAIN, "four", "fresh")),
    network(results),
    node(results),
    processes(results),
    replays("replay", "How fast is a replay?", SEEN, on(MAIN, "one", "replay")),
    replays("elsewhere", "And a retry that lands in another process?", UNSEEN, on(MAIN, "one", "elsewhere")),
    fresh("mixed", "And one retry in ten calls?", MIXED, on(MAIN, "one", "mixed")),
    ...others(plain).map((database) =>
      otherDatabase(database, [
        ...on(database, "one", "fresh"),
        ...on(database, "four", "fresh"),
        ...on(database, "one", "replay"),
        ...on(database, "one", "mixed"),
      ]),
    ),
    names(results),
    duplicates(results),
    kills(results.kills),
    http(results),
    trips(results),
    memory(results),
    ambient(results),
    size(results),
    growth(results),
    prune(results),
  ];
  return sections.filter((section): section is Section => section !== undefined);
}
