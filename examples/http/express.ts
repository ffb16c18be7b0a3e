import express from "express";
import { changeAccount, putAccount, readAccount } from "./accounts.ts";
import { adapterOf } from "./adapter.ts";
import { createCharge } from "./charges.ts";

// No `express.json()` before the handlers: they read the body themselves.
const app = express();
app.post("/charges", adapterOf(createCharge));
app.get("/accounts/:id", adapterOf(readAccount));
app.patch("/accounts/:id", adapterOf(changeAccount));
app.put("/accounts/:id", adapterOf(putAccount));

export const start = (port: number) => app.listen(port, "127.0.0.1");
