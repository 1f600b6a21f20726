import { setTimeout as pause } from 'node:timers/promises'
import type { ClientSign } from '../../ground/runtime/system.ts'
import type { ClientConnection } from './client-connection.ts'

/**
 * Milliseconds between two polls of the client while the DNS is asked. A longer wait in poll(2)
 * would block the process, and so delay the answer.
 */
const POLL_EVERY = 20

/**
 * Keeps a client waiting until `delay` (milliseconds of `uptime`, perhaps not known yet). Resolves
 * to what the client did, and at once if it talks or leaves. Reads no byte of the client.
 */
export async function waitForGreeting(
  connection: ClientConnection,
  delay: Promise<number>,
  uptime: () => number,
): Promise<ClientSign> {
  let until: number | undefined
  const known = delay.then((value) => {
    until = value
  })
  await Promise.resolve() // sets `until` before the first look if the delay is known already
  while (until === undefined) {
    const sign = connection.watch(0)
    if (sign !== 'silent') return sign
    await Promise.race([known, pause(POLL_EVERY)])
  }
  for (;;) {
    const sign = connection.watch(until - uptime())
    if (sign !== 'silent' || uptime() >= until) return sign
  }
}

/** Holds an early talker for `time` milliseconds. Returns false if it leaves before. */
export function holdBack(
  connection: ClientConnection,
  time: number,
  uptime: () => number,
): boolean {
  const until = uptime() + time
  for (let left = time; left > 0; left = until - uptime()) {
    if (connection.watchLeaving(left) === 'left') return false
  }
  return true
}
