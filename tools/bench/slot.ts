import { join } from 'node:path'
import { drive, type Passage } from './drive.ts'
import type { Workshop } from './workshop.ts'

/** A program that is called in place of qmail-queue, once for each message, with its whole environment. */
export interface Slot {
  readonly program: string
  readonly environment: Readonly<Record<string, string>>
}

/** Calls the program in place of qmail-queue for each message, so many at a time. */
export async function sendToSlot(
  { program, environment }: Slot,
  messages: readonly Buffer[],
  workshop: Workshop,
  atOnce: number,
): Promise<readonly Passage[]> {
  const { passages } = await drive({
    program: [program],
    messages: workshop.write(messages),
    count: messages.length,
    atOnce,
    environment,
    log: join(workshop.directory, 'slot.log'),
    queue: workshop.queue,
  })
  return passages
}
