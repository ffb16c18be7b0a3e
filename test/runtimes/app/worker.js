import { PrismaPg } from "@prisma/adapter-pg";
import { depositTwice, shopOn } from "./deposit.js";
import { PrismaClient } from "./generated/workerd/client.ts";

// One for each request: a Worker may not use a connection that another request has opened.
const openPostgres = (env) => new PrismaClient({ adapter: new PrismaPg(env.DATABASE_URL) });

export default {
  async fetch(request, env) {
    const prisma = openPostgres(env);
    try {
      return await shopOn(prisma)(request);
    } finally {
      await prisma.$disconnect();
    }
  },

  /** What `workerd test` calls. */
  async test(_controller, env) {
    const told = await depositTwice(openPostgres(env), (request) => env.SHOP.fetch(request));
    console.log(JSON.stringify(told));
  },
};
