import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { changeAccount, putAccount, readAccount } from "./accounts.ts";
import { createCharge } from "./charges.ts";

const app = new Hono()
  .post("/charges", (c) => createCharge(c.req.raw))
  .get("/accounts/:id", (c) => readAccount(c.req.raw))
  .patch("/accounts/:id", (c) => changeAccount(c.req.raw))
  .put("/accounts/:id", (c) => putAccount(c.req.raw));

export const start = (port: number) => serve({ fetch: app.fetch, port, hostname: "127.0.0.1" });
