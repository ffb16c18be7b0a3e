/** HAProxy in front of PostgreSQL servers: leads to the one that is the primary. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { eventually } from "../../support/eventually.ts";
import { type Folder, listening } from "./processes.ts";
import { program } from "./programs.ts";

/** A way for HAProxy to tell the primary, in its words. */
export interface Checks {
  readonly check: string;
  /** Of each server: its port, and what else its line says. */
  readonly servers: readonly { readonly port: number; readonly more?: string }[];
}

const message = (type: string, text: string) => {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(text.length + 5);
  return Buffer.concat([Buffer.from(type), length, Buffer.from(`${text}\0`)]).toString("hex");
};

/** Without it HAProxy would wait for more of an answer that is not the expected one. */
const TERMINATE = "5800000004";
const STARTUP = "00000028000300007573657200686170726f787900646174616261736500706f7374677265730000";
/** One column with the text "f". */
const NO = "440000000b00010000000166";

/** Up is what answers "f" to SELECT pg_is_in_recovery(), asked in PostgreSQL's own protocol by the role "haproxy", without a password. */
export const ASKING_POSTGRESQL = `option tcp-check
    tcp-check connect
    tcp-check send-binary ${STARTUP}
    tcp-check expect binary 5a0000000549
    tcp-check send-binary ${message("Q", "SELECT pg_is_in_recovery()")}${TERMINATE}
    tcp-check expect binary ${NO}`;

/** Up is the node that Patroni calls the leader. */
export const ASKING_PATRONI = `option httpchk GET /primary
    http-check expect status 200`;

export async function startHaproxy(folder: Folder, port: number, { check, servers }: Checks): Promise<void> {
  const lines = servers.map(
    ({ port: to, more = "" }, index) => `server s${index} 127.0.0.1:${to} check ${more}`,
  );
  const config = `global
    maxconn 400
defaults
    mode tcp
    timeout connect 1s
    timeout check 3s
    timeout client 120s
    timeout server 120s
listen pg
    bind 127.0.0.1:${port}
    ${check}
    default-server inter 500ms fall 1 rise 1 on-marked-down shutdown-sessions
    ${lines.join("\n    ")}
`;
  const file = join(folder.path, "haproxy.cfg");
  await writeFile(file, config);
  await folder.start("haproxy", program("haproxy"), ["-f", file]);
  await listening(port);
  // It takes them all for primaries at first.
  await eventually(() => {
    if ((folder.log("haproxy").match(/ is DOWN/g) ?? []).length < servers.length - 1) {
      throw new Error("HAProxy has not found the primary");
    }
  });
}
