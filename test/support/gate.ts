export interface Gate<T = void> {
  opened: Promise<T>;
  open: (value: T) => void;
}

/** A promise that a test opens by hand: to say when, instead of sleeping and hoping. */
export function gate<T = void>(): Gate<T> {
  let open!: (value: T) => void;
  const opened = new Promise<T>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}
