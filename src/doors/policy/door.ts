import type { Door } from '../shared/door.ts'
import { longestIdle, serve } from '../shared/serve.ts'
import type { Wire } from '../shared/wire.ts'
import type { AccessPolicy } from './access-answer.ts'
import { servePolicyClient } from './connection.ts'

/** Milliseconds between two checks of what is due. */
const TICK = 1000
/** Milliseconds for a client to take its last answer. */
const LEAVE_WITHIN = 5_000

export interface PolicyDoorOptions {
  /**
   * Connections at once. If one more comes, the one that has been idle for longest is closed, or
   * else it.
   */
  readonly maxConnections: number
  /** The same, those that end included. Any more are closed. */
  readonly maxSockets?: number | undefined
  /** Logs trouble that concerns no message. */
  readonly log: (line: string) => void
}

/** Postfix's policy delegation (SMTPD_POLICY_README) on whatever the server listens on. */
export function createPolicyDoor(
  first: AccessPolicy,
  { maxConnections, maxSockets, log }: PolicyDoorOptions,
): Door<AccessPolicy> {
  let policy = first // each request is answered by the policy of its moment
  const door = serve<Wire>({
    every: TICK,
    maxSockets,
    log: (why) => log(`policy service: ${why}`),
    memory: () => 0,
    accept(socket, connections, closed) {
      const oldest = longestIdle(connections)
      if (connections.size >= maxConnections && oldest === undefined) {
        socket.destroy()
        return undefined
      }
      if (connections.size >= maxConnections) oldest!.dismiss() // Postfix asks again on a new one
      socket.setNoDelay(true)
      return servePolicyClient(socket, {
        policy: () => policy,
        log,
        leaving: LEAVE_WITHIN,
        uptime: () => performance.now(),
        closed,
      })
    },
  })
  return {
    ...door,
    configure(next) {
      policy = next
    },
  }
}
