import type { Socket } from 'node:net'
import { errorText } from '../../ground/errors/fault.ts'
import { type Door, longestIdle, serve } from '../shared/serve.ts'
import { Wire, type WireHost } from '../shared/wire.ts'
import { type AccessPolicy, answerRequest } from './access-answer.ts'
import { AttributeReader, type Attributes } from './attributes.ts'

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

/** What the door gives to the connection of a client. */
interface PolicyHost extends WireHost {
  /** Returns the policy of this moment. */
  policy(): AccessPolicy
  /** Logs trouble with the client. */
  log(line: string): void
}

const neverLate = () => undefined // Postfix keeps its connections open

/**
 * Answers the requests of a client, one after the other. A client that has said all may still wait for
 * its answers.
 */
function servePolicyClient(socket: Socket, host: PolicyHost): Wire {
  const reader = new AttributeReader()
  const requests: Attributes[] = []
  const wire = new Wire(
    socket,
    {
      push: (chunk) => void requests.push(...reader.push(chunk)),
      get isFull() {
        return requests.length > 0
      },
    },
    host,
  )
  void wire.converse(async () => {
    try {
      for (;;) {
        const request = await wire.read(() => requests.shift(), neverLate, true)
        if (request === undefined) return
        wire.say(await answerRequest(request, host.policy()))
      }
    } catch (error) {
      host.log(`policy service: ${errorText(error)}; closed the connection`)
    }
  })
  return wire
}
