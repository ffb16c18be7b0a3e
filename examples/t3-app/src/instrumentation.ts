/** Next.js calls this once, before the server takes requests; not when it builds. */
export async function register() {
  if (process.env.NEXT_RUNTIME === "nodejs") {
    const { idempotency } = await import("~/server/db");
    // Without the models or the tables every request is answered with 500, and the log says why.
    await idempotency.check();
  }
}
