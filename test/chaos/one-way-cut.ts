/** A TCP relay that can break its clients' halves while the server's halves stay open: a network that loses answers. */
import { once } from "node:events";
import { type AddressInfo, createServer, connect as dial, type Socket } from "node:net";

export interface OneWayCut extends AsyncDisposable {
  /** The target's URL, by way of the relay. */
  url: string;
  /** Breaks the connections of all clients there are; the server is not told. */
  cutClients(): void;
}

export async function openOneWayCut(target: string): Promise<OneWayCut> {
  const { hostname, port } = new URL(target);
  const clients = new Set<Socket>();
  const servers = new Set<Socket>();
  const listener = createServer((client) => {
    const server = dial(Number(port), hostname);
    client.setNoDelay(true);
    server.setNoDelay(true);
    clients.add(client);
    servers.add(server);
    for (const socket of [client, server]) socket.on("error", () => {});
    client.on("data", (chunk) => server.write(chunk));
    client.on("end", () => server.end());
    client.on("close", () => clients.delete(client));
    server.on("data", (chunk) => client.writable && client.write(chunk));
    server.on("close", () => {
      servers.delete(server);
      client.destroy();
    });
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const url = new URL(target);
  url.port = String((listener.address() as AddressInfo).port);
  return {
    url: url.href,
    cutClients() {
      for (const client of clients) client.destroy();
    },
    async [Symbol.asyncDispose]() {
      const closed = once(listener, "close");
      listener.close();
      for (const socket of [...clients, ...servers]) socket.destroy();
      await closed;
    },
  };
}
