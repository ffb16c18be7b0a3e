/**
 * A document to render into, with the `fetch` of Node: that of the whole environment "happy-dom" would take the
 * place of the server's own in this process.
 */
import { Window } from "happy-dom";

const window = new Window({ url: "http://localhost/" });
for (const name of [
  "document",
  "sessionStorage",
  "HTMLElement",
  "HTMLIFrameElement",
  "FormData",
  "Node",
  "MutationObserver",
  "navigator",
]) {
  Object.defineProperty(globalThis, name, { configurable: true, value: Reflect.get(window, name) });
}
Object.defineProperty(globalThis, "window", { configurable: true, value: window });
