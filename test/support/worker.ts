/** Child processes written in TypeScript: for `kill -9`, and for races between processes. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { bundleOf } from "./bundle.ts";

export interface Message {
  type: string;
}

type OfType<M extends Message, T extends M["type"]> = Extract<M, { type: T }>;

export interface Worker<Up extends Message, Down extends Message> extends AsyncDisposable {
  pid: number;
  send(message: Down): void;
  /** The next message of that type that no earlier call took. Rejects when the process ends without one. */
  waitFor<T extends Up["type"]>(type: T): Promise<OfType<Up, T>>;
  /** Resolves once the process is gone. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

/** The child's end; see `parentPort`. */
export interface ParentPort<Data, Down extends Message, Up extends Message> {
  data: Data;
  send(message: Up): void;
  waitFor<T extends Down["type"]>(type: T): Promise<OfType<Down, T>>;
}

/** Messages that came before anybody asked are kept. */
class Inbox<M extends Message> {
  readonly #messages: M[] = [];
  readonly #waiting = new Set<{ check: () => void; fail: (error: Error) => void }>();
  #ended: Error | undefined;

  add(message: M): void {
    this.#messages.push(message);
    for (const { check } of this.#waiting) check();
  }

  end(error: Error): void {
    this.#ended = error;
    for (const { fail } of this.#waiting) fail(error);
  }

  take<T extends M["type"]>(type: T): Promise<OfType<M, T>> {
    return new Promise((resolve, reject) => {
      const waiter = { check: () => {}, fail: reject };
      waiter.check = () => {
        const index = this.#messages.findIndex((message) => message.type === type);
        if (index === -1) return;
        this.#waiting.delete(waiter);
        resolve(this.#messages.splice(index, 1)[0] as OfType<M, T>);
      };
      this.#waiting.add(waiter);
      waiter.check();
      if (this.#ended !== undefined) reject(this.#ended);
    });
  }
}

interface WorkerOptions {
  /** Loaded before the script. */
  readonly imports?: readonly URL[];
  /** The path of the Node.js to run on; that of this process by default. */
  readonly node?: string | undefined;
}

function start(script: URL, { imports = [], node = process.execPath }: WorkerOptions): ChildProcess {
  return fork(fileURLToPath(bundleOf(script)), [], {
    execPath: node,
    execArgv: imports.flatMap((module) => ["--import", bundleOf(module).href]),
    // Keeps Date, BigInt, Map and the like.
    serialization: "advanced",
    stdio: ["ignore", "inherit", "pipe", "ipc"],
  });
}

/** `script` calls `parentPort()` to get `data` and to talk. */
export function spawnWorker<Up extends Message, Down extends Message = never>(
  script: URL,
  data: unknown,
  options: WorkerOptions = {},
): Worker<Up, Down> {
  const child = start(script, options);
  const inbox = new Inbox<Up>();
  let errors = "";
  child.stderr?.on("data", (chunk) => {
    errors = (errors + String(chunk)).slice(-10_000);
  });
  child.on("message", (message) => inbox.add(message as Up));
  // "close" comes after the last output and message, "exit" may come before.
  const exited = once(child, "close").then(([code, signal]) => {
    inbox.end(new Error(`the worker ended (code ${code}, signal ${signal})\n${errors}`));
    return { code: code as number | null, signal: signal as NodeJS.Signals | null };
  });
  child.send({ data });

  const kill = async (signal: NodeJS.Signals = "SIGKILL") => {
    child.kill(signal);
    await exited;
  };
  return {
    pid: child.pid ?? -1,
    send: (message) => child.send(message),
    waitFor: (type) => inbox.take(type),
    kill,
    exited,
    [Symbol.asyncDispose]: () => kill(),
  };
}

/** In the child: waits for the data, and ends the process when the parent is gone. */
export async function parentPort<Data, Up extends Message, Down extends Message = never>(): Promise<
  ParentPort<Data, Down, Up>
> {
  process.once("disconnect", () => process.exit(1));
  const inbox = new Inbox<Down>();
  const data = await new Promise<Data>((resolve) => {
    process.once("message", (first) => {
      resolve((first as { data: Data }).data);
      // In the same turn: the next message may be here already.
      process.on("message", (message) => inbox.add(message as Down));
    });
  });
  return {
    data,
    send: (message) => void process.send?.(message),
    waitFor: (type) => inbox.take(type),
  };
}
