/**
 * The walls: what each folder of `src` may import besides itself. `npm run lint` checks every import, also those of types.
 * A mutation travels from an adapter to core, from there through the port to the store, and so to the database.
 */
const contract = ["core/contract", "core/contract/errors", "core/contract/options", "core/contract/upkeep"];
const request = ["core/browser", ...contract, "core/events", "core/request"];
const attempt = [...request, "core/outcome"];
const run = [...attempt, "core/retry", "core/duplicates", "core/run"];
const sql = ["core/browser", ...contract, "sql/dialect"];
const database = [...sql, "sql/dialect/upkeep"];
const client = [...sql, "sql", "prisma/client"];
const adapter = [...request, "core/adapter"];

/** By folder: the folders that it may import. Each knows what is below it, and nothing above. */
export const walls = {
  "core/browser": [],
  // What check() finds and upkeep reads; the errors; the options; and what all of core, and the port, is written in.
  "core/contract/upkeep": ["core/browser"],
  "core/contract/errors": ["core/browser", "core/contract/upkeep"],
  "core/contract/options": ["core/browser", "core/contract/errors"],
  "core/contract": ["core/browser", ...contract.slice(1)],
  "core/events": ["core/browser", ...contract],
  "core/request": ["core/browser", ...contract, "core/events"],
  "core/outcome": request,
  "core/retry": attempt,
  "core/duplicates": attempt,
  "core/run": [...attempt, "core/retry", "core/duplicates"],
  // What stands before the port.
  "core/encryption": [...attempt, "core/retry"],
  "core/lease": run,
  "core/upkeep": run,
  "core/adapter": request,
  core: [...run, "core/encryption", "core/lease", "core/upkeep"],

  // What every dialect is made of, one folder for each database, and what sends the statements of whichever it is.
  "sql/dialect": ["core/browser", ...contract],
  "sql/dialect/upkeep": sql,
  "sql/mariadb": database,
  "sql/postgresql": database,
  "sql/sqlite": database,
  sql: [...sql, "sql/mariadb", "sql/postgresql", "sql/sqlite"],
  // What check() tries.
  "sql/trial": [...sql, "sql"],
  "prisma/client": [...sql, "sql"],
  "prisma/handler": client,
  "prisma/guard": [...client, "prisma/handler"],
  "prisma/ambient": [...client, "prisma/handler", "prisma/guard"],
  prisma: [...client, "sql/trial", "prisma/handler", "prisma/guard", "prisma/ambient"],

  // They run in browsers.
  client: ["core/browser"],
  react: ["core/browser"],
  "trpc/client": ["core/browser"],

  // What a terminal shows, how the application is found, what the larger commands do, the options and the commands as they are typed.
  "cli/terminal": [],
  "cli/application": [...contract, "cli", "cli/terminal"],
  "cli/init": ["cli", "sql"],
  "cli/upgrade": ["cli", "core/browser", ...contract],
  "cli/options": ["core/browser", ...contract, "cli", "cli/terminal"],
  "cli/commands": [
    "core/browser",
    ...contract,
    "cli",
    "cli/terminal",
    "cli/application",
    "cli/options",
    "cli/init",
    "cli/upgrade",
    "cli/console",
  ],
  cli: [...contract, "cli/terminal", "cli/commands"],

  messages: adapter,
  // What is done to an application's mutation, and what a store must keep. Processes that kill themselves.
  "testing/kit": ["core/browser", ...contract],
  "testing/crash": contract,
  "testing/conformance": ["core/browser", ...contract],
  testing: [...contract, "testing/kit", "testing/conformance"],
  // Listens to what core tells.
  opentelemetry: ["core/browser", ...contract],

  // Who looks, what is searched for and how values look, the pages made of these, and what answers a request with one.
  "console/access": ["core/browser", ...contract],
  "console/values": [],
  "console/search": ["core/browser", ...contract, "console/access"],
  "console/pages": ["core/browser", ...contract, "console/access", "console/search", "console/values"],
  console: [
    "core/browser",
    ...contract,
    "console/access",
    "console/search",
    "console/values",
    "console/pages",
  ],
  // Serves it on this machine.
  "cli/console": ["core/browser", ...contract, "cli", "console"],

  // A request is read and compared; its response is judged, stored and restored.
  "http/problems": adapter,
  "http/request": [...adapter, "http/problems"],
  "http/response": [...adapter, "http/request"],
  http: [...adapter, "core/lease", "http/problems", "http/request", "http/response"],

  // What is read from a call and from a router, how a call fails, and what runs it between them.
  "trpc/errors": adapter,
  "trpc/request": adapter,
  "trpc/router": adapter,
  trpc: [...adapter, "core/lease", "trpc/errors", "trpc/request", "trpc/router"],

  // A mutation is read from its request, split into units, and executed unit by unit.
  "yoga/errors": adapter,
  "yoga/request": [...adapter, "yoga/errors"],
  "yoga/unit": [...adapter, "yoga/errors", "yoga/request"],
  yoga: [...adapter, "yoga/errors", "yoga/request", "yoga/unit"],
};

const files = (folder) => `src/${folder}/[^/]+\\.tsx?$`;

const wall = ([folder, allowed]) => ({
  name: `src/${folder} may import only itself${allowed.map((below) => `, src/${below}`).join("")}`,
  comment: "The walls between the folders stand in .dependency-cruiser.mjs; ARCHITECTURE.md says why.",
  severity: "error",
  from: { path: `^${files(folder)}` },
  to: { path: "^src/", pathNot: [folder, ...allowed].map((each) => `^${files(each)}`) },
});

export default {
  forbidden: [
    ...Object.entries(walls).map(wall),
    {
      name: "the files of src join core, sql and prisma",
      comment: "An adapter is a subpath of its own: nothing of it belongs into the main entry.",
      severity: "error",
      from: { path: "^src/[^/]+$" },
      to: { path: "^src/", pathNot: "^src/((core|sql|prisma)/|[^/]+$)" },
    },
    {
      name: "every folder of src has a wall",
      comment: "Say in .dependency-cruiser.mjs what the new folder may import.",
      severity: "error",
      from: { path: "^src/.+/", pathNot: Object.keys(walls).map((folder) => `^${files(folder)}`) },
      to: {},
    },
    {
      name: "no circles",
      comment: "Two files that need each other are one idea, or hide a third.",
      severity: "error",
      // Its types describe each other: a transaction, the scope that it opens, and the promises sent in it.
      from: { path: "^src/", pathNot: "^src/prisma/handler/" },
      to: { circular: true },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
  },
};
