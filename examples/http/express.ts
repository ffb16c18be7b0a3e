import { createServerAdapter } from "@whatwg-node/server";
import express from "express";
import { changeAccount, putAccount, readAccount } from "./accounts.ts";
import { createCharge } from "./charges.ts";

// Without `express.json()` before: the handler reads the body itself.
const app = express();
app.post("/charges", createServerAdapter(createCharge));
app.get("/accounts/:id", createServerAdapter(readAccount));
app.patch("/accounts/:id", createServerAdapter(changeAccount));
app.put("/accounts/:id", createServerAdapter(putAccount));

export const start = (port: number) => app.listen(port, "127.0.0.1");
