/**
 * Only the demo needs this: the places where the driver may stop the server, to kill it at exactly that point.
 * A real application has nothing like it.
 */
import type { FromServer, PausePoint, ToServer } from "../driver/messages.ts";

let armed: PausePoint | undefined;

export function listenToDriver(): void {
  process.on("message", ({ pauseAt }: ToServer) => {
    armed = pauseAt;
    tellDriver({ armed });
  });
  // Without its driver the server has no reason to live, however the driver ended.
  process.on("disconnect", () => process.exit());
}

export function tellDriver(message: FromServer): void {
  process.send?.(message);
}

/** Goes on at once; or never, if the driver asked for that. */
export async function pausePoint(point: PausePoint): Promise<void> {
  if (point !== armed) return;
  tellDriver({ reached: point });
  await new Promise(() => {});
}
