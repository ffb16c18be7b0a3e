import SchemaBuilder from "@pothos/core";
import PrismaPlugin from "@pothos/plugin-prisma";
import { db } from "./db.ts";
import type PrismaTypes from "./generated/pothos.ts";
import { getDatamodel } from "./generated/pothos.ts";

export interface Context {
  readonly user: { readonly id: string };
}

export const builder = new SchemaBuilder<{ PrismaTypes: PrismaTypes; Context: Context }>({
  plugins: [PrismaPlugin],
  // What the plugin loads by itself, it loads through this client.
  prisma: { client: db, dmmf: getDatamodel() },
});

builder.queryType();
builder.mutationType();
