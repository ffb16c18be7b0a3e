import { prisma } from "../lib/prisma.ts";

export async function addToOutbox(topic: string, subject: string): Promise<void> {
  await prisma.outbox.create({ data: { topic, subject } });
}
