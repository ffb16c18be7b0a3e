/** Prisma schemas as people write them, with what stands beside them. */
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

type Files = Readonly<Record<string, string>>;

interface Application {
  readonly name: string;
  readonly files: Files;
  /** Where the command is run. Default: at the root. */
  readonly cwd?: string;
  /** Given by `--schema`. */
  readonly schema?: string;
  /** The file that the models are added to. */
  readonly file: string;
  readonly provider: "postgresql" | "sqlite" | "mariadb";
  readonly dbSchema?: string;
  /** What Prisma is told of the schema. */
  readonly schemaPath: string;
}

const client = (output: string) => `generator client {
  provider            = "prisma-client"
  output              = "${output}"
  moduleFormat        = "esm"
  importFileExtension = "ts"
}
`;

const datasource = (provider: string, more = "") => `datasource db {
  provider = "${provider}"
${more}}
`;

const user = `model User {
  id    Int    @id @default(autoincrement())
  email String @unique
  posts Post[]
}
`;

const post = `model Post {
  id       Int    @id @default(autoincrement())
  title    String @default("a // b { c")
  author   User   @relation(fields: [authorId], references: [id])
  authorId Int
}
`;

const config = (schema: string) => `import { defineConfig } from "prisma/config";

export default defineConfig({ schema: "${schema}", migrations: { path: "prisma/migrations" } });
`;

const mapped = `model User {
  id        BigInt   @id @default(autoincrement()) @map("user_id")
  createdAt DateTime @default(now()) @map("created_at") @db.Timestamptz(6)

  @@map("users")
}

/* Seen by the shop alone. */
enum Role {
  ADMIN @map("admin")
  USER // the rest

  @@map("roles")
}
`;

// https://github.com/t3-oss/create-t3-app/blob/main/cli/template/extras/prisma/schema/with-auth.prisma, shortened.
const t3 = `// This is your Prisma schema file,
// learn more about it in the docs: https://pris.ly/d/prisma-schema

generator client {
    provider = "prisma-client-js"
    output   = "../generated/prisma"
}

datasource db {
    provider = "sqlite"
    // NOTE: When using mysql or sqlserver, uncomment the @db.Text annotations in model Account below
    // Further reading:
    // https://next-auth.js.org/adapters/prisma#create-the-prisma-schema
    url      = env("DATABASE_URL")
}

model Post {
    id        Int      @id @default(autoincrement())
    name      String
    createdAt DateTime @default(now())
    updatedAt DateTime @updatedAt

    createdBy   User   @relation(fields: [createdById], references: [id])
    createdById String

    @@index([name])
}

// Necessary for Next auth
model Account {
    id                String  @id @default(cuid())
    userId            String
    provider          String
    providerAccountId String
    refresh_token     String? // @db.Text
    expires_at        Int?
    scope             String?
    user              User    @relation(fields: [userId], references: [id], onDelete: Cascade)

    @@unique([provider, providerAccountId])
}

model User {
    id       String    @id @default(cuid())
    email    String?   @unique
    accounts Account[]
    posts    Post[]
}
`;

export const applications: readonly Application[] = [
  {
    name: "one file, prisma-client, SQLite",
    files: {
      "prisma/schema.prisma": [client("../generated/prisma"), datasource("sqlite"), user, post].join("\n"),
    },
    file: "prisma/schema.prisma",
    provider: "sqlite",
    schemaPath: "prisma/schema.prisma",
  },
  {
    name: "several files by prisma.config.ts, PostgreSQL",
    files: {
      "prisma.config.ts": config("prisma"),
      "prisma/schema.prisma": [client("../generated/prisma"), datasource("postgresql")].join("\n"),
      "prisma/models/user.prisma": user,
      "prisma/models/post.prisma": post,
    },
    file: "prisma/idempotency.prisma",
    provider: "postgresql",
    schemaPath: "prisma",
  },
  {
    name: "the config in .config, with a folder of its own",
    files: {
      ".config/prisma.ts": config("../db/schema"),
      "db/schema/main.prisma": [datasource("sqlite"), client("../../generated/prisma"), user, post].join(
        "\n",
      ),
    },
    file: "db/schema/idempotency.prisma",
    provider: "sqlite",
    schemaPath: "db/schema",
  },
  {
    name: "prisma-client-js, named by a config in CommonJS",
    files: {
      "prisma.config.cjs": `module.exports = { schema: "./database/app.prisma" };\n`,
      "database/app.prisma": [
        `generator client {\n  provider = "prisma-client-js"\n  output   = "../generated/prisma"\n}\n`,
        datasource("postgresql"),
        user,
        post,
      ].join("\n"),
    },
    file: "database/app.prisma",
    provider: "postgresql",
    schemaPath: "database/app.prisma",
  },
  {
    name: "mapped models, with line ends of Windows and no last one",
    files: {
      "schema.prisma": [client("./generated/prisma"), datasource("postgresql"), mapped]
        .join("\n")
        .trimEnd()
        .replaceAll("\n", "\r\n"),
    },
    file: "schema.prisma",
    provider: "postgresql",
    schemaPath: "schema.prisma",
  },
  {
    name: "PostgreSQL in several database schemas",
    files: {
      "prisma/schema.prisma": [
        client("../generated/prisma"),
        datasource("postgresql", `  schemas  = ["shop", "audit"]\n`),
        `model Order {\n  id Int @id\n\n  @@schema("shop")\n}\n`,
        `model Event {\n  id Int @id\n\n  @@map("idempotency_record")\n  @@schema("audit")\n}\n`,
      ].join("\n"),
    },
    file: "prisma/schema.prisma",
    provider: "postgresql",
    dbSchema: "shop",
    schemaPath: "prisma/schema.prisma",
  },
  {
    name: "MariaDB",
    files: {
      "prisma/schema.prisma": [
        client("../generated/prisma"),
        datasource("mysql", `  relationMode = "prisma"\n`),
        "model Note {\n  id   Int    @id @default(autoincrement())\n  text String @db.Text\n}\n",
      ].join("\n"),
    },
    file: "prisma/schema.prisma",
    provider: "mariadb",
    schemaPath: "prisma/schema.prisma",
  },
  {
    name: "a monorepo whose client is a package",
    files: {
      "package.json": `{ "name": "root", "private": true, "workspaces": ["apps/*", "packages/*"] }`,
      "apps/web/package.json": `{ "name": "web", "dependencies": { "@acme/db": "workspace:*" } }`,
      "packages/db/package.json": `{ "name": "@acme/db", "exports": "./src/index.ts" }`,
      "packages/db/prisma/schema.prisma": [
        client("../src/generated"),
        datasource("postgresql"),
        user,
        post,
      ].join("\n"),
    },
    cwd: "packages/db",
    file: "prisma/schema.prisma",
    provider: "postgresql",
    schemaPath: "prisma/schema.prisma",
  },
  {
    name: "a monorepo, from its root by --schema",
    files: {
      "package.json": `{ "name": "root", "private": true }`,
      "packages/db/prisma/schema.prisma": [client("../src/generated"), datasource("sqlite"), user, post].join(
        "\n",
      ),
    },
    schema: "packages/db/prisma/schema.prisma",
    file: "packages/db/prisma/schema.prisma",
    provider: "sqlite",
    schemaPath: "packages/db/prisma/schema.prisma",
  },
  {
    name: "T3",
    files: {
      "prisma/schema.prisma": t3,
      "package.json": `{ "name": "t3" }`,
      ".env": `DATABASE_URL="file:./db.sqlite"\n`,
    },
    file: "prisma/schema.prisma",
    provider: "sqlite",
    schemaPath: "prisma/schema.prisma",
  },
];

export interface Written extends Disposable {
  readonly folder: string;
  /** All files, by their paths. */
  files(): Record<string, string>;
}

/** Writes the files into a folder of their own. */
export function write(files: Files): Written {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "onceonly-init-")));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  if (!Object.keys(files).some((path) => path.startsWith("node_modules/"))) {
    // Prisma, for its configuration and the clients that it generates.
    const installed = fileURLToPath(new URL("../../../node_modules", import.meta.url));
    symlinkSync(installed, join(folder, "node_modules"), "junction");
  }
  const paths = () =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
  return {
    folder,
    files: () => Object.fromEntries(paths().map((path) => [path, readFileSync(join(folder, path), "utf8")])),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }),
  };
}
