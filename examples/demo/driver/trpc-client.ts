import { createTRPCClient, httpBatchLink, httpLink, type Operation, TRPCClientError } from "@trpc/client";
import type { AppRouter } from "../app/trpc.ts";
import { ANSWER_WITHIN_MS, answerOf, type Client, type KeyedOrder, type Outcome } from "./client.ts";

type Send = (user: string, orders: readonly KeyedOrder[]) => Promise<Sent>;

interface Sent {
  readonly outcomes: Outcome[];
  readonly response: Response;
}

export function trpcClient(url: string): Client {
  const one = sender(url, httpLink);
  const batch = sender(url, httpBatchLink);
  return {
    name: "tRPC",
    async placeOrder(user, order) {
      const { outcomes, response } = await one(user, [order]);
      return answerOf(outcomes[0], response);
    },
    placeOrders: async (user, orders) => (await batch(user, orders)).outcomes,
  };
}

function sender(url: string, link: typeof httpLink | typeof httpBatchLink): Send {
  return async (user, orders) => {
    const responses: Response[] = [];
    const client = createTRPCClient<AppRouter>({
      links: [
        link({
          url: `${url}/trpc`,
          headers: (request: { op: Operation } | { opList: readonly Operation[] }) => ({
            authorization: `Bearer ${user}`,
            "idempotency-key": keyHeader("op" in request ? [request.op] : request.opList),
          }),
          fetch: async (input, init) => {
            const timeout = { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) };
            const response = await fetch(input, { ...(init as RequestInit), ...timeout });
            responses.push(response);
            return response;
          },
        }),
      ],
    });
    const outcomes = await Promise.all(
      orders.map(({ key, input }) =>
        settled(client.placeOrder.mutate(input, { context: { idempotencyKey: key } })),
      ),
    );
    const [response] = responses;
    if (response === undefined || responses.length > 1) {
      throw new Error(`${responses.length} HTTP responses instead of one`);
    }
    return { outcomes, response };
  };
}

/** One quoted key for each call of the HTTP request, in the order of the calls. */
function keyHeader(operations: readonly Operation[]): string {
  return operations.map(({ context }) => JSON.stringify(context["idempotencyKey"])).join(", ");
}

async function settled(sent: Promise<unknown>): Promise<Outcome> {
  try {
    return { order: JSON.stringify(await sent), error: undefined };
  } catch (error) {
    const code = (error as TRPCClientError<AppRouter>).data?.code;
    if (!(error instanceof TRPCClientError) || code === undefined) throw error;
    return { order: undefined, error: code };
  }
}
