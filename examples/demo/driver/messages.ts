/** What driver and server tell each other over the IPC channel of the child process. */
export type PausePoint = "in the middle" | "after COMMIT";

export interface ToServer {
  readonly pauseAt: PausePoint;
}

export type FromServer =
  | { readonly listening: number }
  | { readonly armed: PausePoint }
  | { readonly reached: PausePoint };
