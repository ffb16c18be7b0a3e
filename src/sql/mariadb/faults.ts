import type { StoreFault } from "../../core/contract/store.ts";

export function faultOfMariadb(code: string, message: string): StoreFault | undefined {
  return FAULTS[whyUnconnected(code, message) ?? ""] ?? FAULTS[code];
}

/** What to change where the server refuses the connection itself. */
export function adviceOnMariadb(code: string, message: string): string | undefined {
  const reason = whyUnconnected(code, message);
  const wrong = REFUSED[reason ?? ""];
  return wrong && `The database server refuses the connection with its error ${reason}: ${wrong}.`;
}

const REFUSED: Readonly<Record<string, string>> = {
  "1044": "the user may not use that database",
  "1045": "user or password is wrong, or the user may not connect from this host",
  "1049": "there is no database of that name",
  "1698": "the user may not connect in this way",
};

/** The pool has no connection. Its message, or the cause of that, ends with why the last one could not be made. */
function whyUnconnected(code: string, message: string): string | undefined {
  return code === NO_CONNECTION ? /\bno: (\d+)/.exec(message)?.[1] : undefined;
}

const NO_CONNECTION = "45028";

/** Codes below 4,000 are the server's (https://mariadb.com/kb/en/mariadb-error-code-reference/), those from 45,000 the driver's. */
const FAULTS: Readonly<Record<string, StoreFault>> = {
  "1020": "write_conflict", // the row has changed since it was read (innodb_snapshot_isolation)
  "1213": "write_conflict", // deadlock, or another node of a cluster was first
  "1205": "lock_timeout", // innodb_lock_wait_timeout
  "1969": "lock_timeout", // max_statement_time
  "1305": "transaction_aborted", // no such savepoint: the transaction that it was set in is over
  "1290": "read_only", // the server runs with --read-only
  "1792": "read_only", // the transaction is read-only
  "1836": "read_only", // the server is in read-only mode
  // Passing.
  "1021": "unavailable", // disk full
  "1037": "unavailable", // out of memory
  "1038": "unavailable", // out of memory for sorting
  "1040": "unavailable", // too many connections
  "1041": "unavailable", // out of resources
  "1047": "unavailable", // this node of a cluster is not ready
  "1053": "unavailable", // shutdown in progress
  "1079": "unavailable", // shutdown complete
  "1158": "unavailable", // error reading from the network
  "1159": "unavailable", // timeout reading from the network
  "1160": "unavailable", // error writing to the network
  "1161": "unavailable", // timeout writing to the network
  "1180": "unavailable", // error during COMMIT
  "1203": "unavailable", // too many connections of this user
  "1206": "unavailable", // too many locks
  "1226": "unavailable", // the user has used up a resource
  "1317": "unavailable", // KILL QUERY
  "1637": "unavailable", // too many transactions
  "1927": "unavailable", // the connection was killed
  "2006": "unavailable", // the server has gone away
  "2013": "unavailable", // the connection was lost
  "45004": "unavailable", // the connection was destroyed before the statement was sent
  "45009": "unavailable", // the socket was closed
  "45012": "unavailable", // no connection in time
  "45013": "unavailable", // the connection is closed
  "45019": "unavailable", // error of the socket
  "45026": "unavailable", // time-out of the socket
  "45028": "unavailable", // no connection of the pool in time
  "45042": "unavailable", // no answer to a ping
  "45061": "unavailable", // the pool has no connection
  // Permanent.
  "1044": "misconfigured", // no access to the database
  "1045": "misconfigured", // no access with this password
  "1049": "misconfigured", // no such database
  "1054": "misconfigured", // no such column
  "1064": "misconfigured", // a server that does not know this SQL
  "1136": "misconfigured", // other columns
  "1142": "misconfigured", // no privilege on the table
  "1143": "misconfigured", // no privilege on the column
  "1146": "misconfigured", // no such table
  "1153": "misconfigured", // longer than max_allowed_packet
  "1193": "misconfigured", // no such system variable
  "1227": "misconfigured", // no privilege
  "1267": "misconfigured", // collations that cannot be compared
  "1366": "misconfigured", // a text that the column's character set cannot hold
  "1406": "misconfigured", // longer than the column
  "1698": "misconfigured", // no access
  "45046": "misconfigured", // longer than max_allowed_packet, as the driver knows it
};
