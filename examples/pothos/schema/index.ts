/* oxlint-disable import/no-unassigned-import -- each adds its types and fields to the builder */
import { builder } from "../builder.ts";
import "./customer.ts";
import "./order.ts";
import "./product.ts";

export const schema = builder.toSchema();
