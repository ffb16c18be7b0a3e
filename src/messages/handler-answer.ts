/**
 * Refuses a `Response` that says that it failed. Whoever comes from HTTP means "send it again" by that, and the message would be
 * consumed for ever. Any other value of a handler means nothing, also a good `Response`, such as `fetch` gives.
 *
 * @throws Error, which counts as a failure of the handler.
 */
export function checkAnswer(consumer: string, answer: unknown): void {
  // Not by class: servers bring ponyfills of their own.
  const { status, text } = (answer ?? {}) as Partial<Response>;
  if (typeof status === "number" && status >= 400 && typeof text === "function") {
    throw new Error(
      `onceonly: the handler of ${consumer} returned a Response with the status ${status}, which nobody is sent; throw to have ` +
        "the message delivered again, and return nothing when it is consumed.",
    );
  }
}
