import type { Test } from 'tap'
import type { Client } from './client.ts'
import { type RunningNext, type Script, startNext } from './next-server.ts'
import { type OpenDoor, openDoor, type Setup, sendThrough } from './rig.ts'

/** Shared by tests of trouble on either side of the door. */

export const clean = 'Subject: x\r\n\r\nhello\r\n'

/** Opens a door before a next server that does what its script says. */
export async function openBetween(
  t: Test,
  setup: Setup = {},
  script?: Script,
): Promise<{ next: RunningNext; door: OpenDoor }> {
  const next = await startNext(t, script && { script })
  return { next, door: await openDoor(t, next.port, setup) }
}

/** Resolves to a client that may send content. */
export async function amidData(door: OpenDoor): Promise<Client> {
  const client = await door.call()
  await client.say('EHLO client.example.org')
  await client.say('MAIL FROM:<a@b.example>')
  await client.say('RCPT TO:<b@b.example>')
  await client.say('DATA')
  return client
}

/** Checks that mail of other clients still passes. */
export async function stillServes(t: Test, door: OpenDoor, next: RunningNext): Promise<void> {
  next.script = undefined
  t.match(await sendThrough(door, clean), /^250 2\.0\.0 next queued/, 'it still serves')
}
