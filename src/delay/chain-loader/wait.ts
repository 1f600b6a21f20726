import type { ClientSign } from '../shared/wait-outcome.ts'
import type { ClientConnection } from './client-connection.ts'

/**
 * Milliseconds between two looks at the client while the DNS is asked: a wait blocks the process,
 * and so would hold up the answer.
 */
const LOOK_EVERY = 20

/**
 * Keeps a client waiting until `delay` (milliseconds on `clock`, perhaps not known yet), and says
 * what it did, at once when it talks or leaves. Nothing is read.
 */
export async function waitForGreeting(
  connection: ClientConnection,
  delay: Promise<number>,
  clock: () => number,
): Promise<ClientSign> {
  let until: number | undefined
  const known = delay.then((value) => {
    until = value
  })
  await Promise.resolve() // lets a delay that is known already arrive before the first look
  while (until === undefined) {
    const sign = connection.watch(0)
    if (sign !== 'silent') return sign
    await Promise.race([known, pause(LOOK_EVERY)])
  }
  for (;;) {
    const sign = connection.watch(until - clock())
    if (sign !== 'silent' || clock() >= until) return sign
  }
}

/** Holds an early talker for so many milliseconds; false if it leaves before. */
export function holdBack(connection: ClientConnection, time: number, clock: () => number): boolean {
  const until = clock() + time
  for (let left = time; left > 0; left = until - clock()) {
    if (connection.watchLeaving(left) === 'left') return false
  }
  return true
}

function pause(time: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, time))
}
