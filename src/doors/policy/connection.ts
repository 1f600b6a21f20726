import type { Socket } from 'node:net'
import { errorText } from '../../ground/errors/fault.ts'
import { Wire, type WireHost } from '../shared/wire.ts'
import { type AccessPolicy, answerRequest } from './access-answer.ts'
import { AttributeReader, type Attributes } from './attributes.ts'

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
export function servePolicyClient(socket: Socket, host: PolicyHost): Wire {
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
