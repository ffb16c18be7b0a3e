import { heading, plain } from "./print.ts";

export function showHowToTry(url: string): void {
  heading("The server goes on. Stop it with Ctrl-C.");
  plain(`
   GraphiQL  ${url}/graphql

   Send each of these twice, then change the quantity:

   curl -i ${url}/trpc/placeOrder -H 'authorization: Bearer ada' -H 'content-type: application/json' \\
     -H 'idempotency-key: "try-1"' -d '{"item":"tea","quantity":2}'

   curl -i ${url}/graphql -H 'authorization: Bearer ada' -H 'content-type: application/json' \\
     -d '{"query":"mutation { placeOrder(item: \\"tea\\", quantity: 2) @idempotent(key: \\"try-2\\") { id } }"}'`);
}
