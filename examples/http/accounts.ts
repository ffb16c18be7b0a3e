/** A conditional request with a key: an update that is neither lost nor made twice. */
import { etagOf, ifMatch, preconditionFailed, withIdempotency } from "onceonly/http";
import { idempotency, prisma } from "../database/index.ts";

const idOf = (request: Request) => new URL(request.url).pathname.split("/")[2] ?? "";

/** `GET /accounts/:id` */
export async function readAccount(request: Request): Promise<Response> {
  const account = await prisma.account.findUnique({ where: { id: idOf(request) } });
  return account === null
    ? new Response(null, { status: 404 })
    : Response.json(account, { headers: { etag: etagOf(account.version) } });
}

/** `PATCH /accounts/:id` with `{ "balance": 500 }` and `If-Match` */
export const changeAccount = withIdempotency(
  {
    idempotency,
    scope: (request) => request.headers.get("x-user"),
    operation: "PATCH /accounts/:id",
  },
  async (request, { tx }) => {
    const id = idOf(request);
    const account = await tx.account.findUnique({ where: { id } });
    const refused = ifMatch(request, account && etagOf(account.version));
    if (refused !== undefined || account === null) return refused ?? preconditionFailed();
    const { balance } = (await request.json()) as { balance: number };
    const { version } = account;
    // Whoever read the same version and wrote first wins.
    const { count } = await tx.account.updateMany({
      where: { id, version },
      data: { balance, version: { increment: 1 } },
    });
    if (count === 0) return preconditionFailed();
    return Response.json({ id, balance }, { headers: { etag: etagOf(version + 1) } });
  },
);

/** `PUT /accounts/:id` with `{ "balance": 500 }`: the same row however often it is sent, so it needs no key. */
export async function putAccount(request: Request): Promise<Response> {
  const id = idOf(request);
  const { balance } = (await request.json()) as { balance: number };
  const account = await prisma.account.upsert({
    where: { id },
    create: { id, balance },
    update: { balance },
  });
  return Response.json(account);
}
