import { db } from "./db.ts";

/** Imports the client itself, as code far away from any request does. */
export async function recordActivity(userId: string, action: string, subject: string): Promise<void> {
  await db.activity.create({ data: { userId, action, subject } });
}
