import { ANSWER_WITHIN_MS, answerOf, type Client, type Outcome } from "./client.ts";

const FIELDS = "{ id customer item quantity totalCents placedAt }";

const PLACE_ORDER = `mutation PlaceOrder($item: String!, $quantity: Int!) {
  placeOrder(item: $item, quantity: $quantity) ${FIELDS}
}`;

interface GraphQLResponse {
  readonly data?: Readonly<Record<string, unknown>> | null;
  readonly errors?: readonly {
    readonly message: string;
    readonly path?: readonly (string | number)[];
    readonly extensions?: { readonly code?: string };
  }[];
}

export function graphqlClient(url: string): Client {
  async function post(headers: Record<string, string>, query: string, variables?: object) {
    const response = await fetch(`${url}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify({ query, variables }),
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    });
    return { response, body: (await response.json()) as GraphQLResponse };
  }

  return {
    name: "GraphQL",
    async placeOrder(user, { key, input }) {
      const headers = { authorization: `Bearer ${user}`, "idempotency-key": JSON.stringify(key) };
      const { response, body } = await post(headers, PLACE_ORDER, input);
      return answerOf(outcomeOf(body, "placeOrder"), response);
    },
    async placeOrders(user, orders) {
      const fields = orders.map(({ key, input: { item, quantity } }) => {
        const args = `item: ${JSON.stringify(item)}, quantity: ${quantity}`;
        return `${item}: placeOrder(${args}) @idempotent(key: ${JSON.stringify(key)}) ${FIELDS}`;
      });
      const query = `mutation {\n  ${fields.join("\n  ")}\n}`;
      const { body } = await post({ authorization: `Bearer ${user}` }, query);
      return orders.map(({ input }) => outcomeOf(body, input.item));
    },
  };
}

function outcomeOf({ data, errors }: GraphQLResponse, field: string): Outcome {
  const order = data?.[field] ?? undefined;
  const error = errors?.find(({ path }) => path === undefined || path[0] === field);
  return {
    order: order === undefined ? undefined : JSON.stringify(order),
    error: error && (error.extensions?.code ?? error.message),
  };
}
