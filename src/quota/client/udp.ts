import { randomBytes } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import { errorText } from '../../fault.ts'
import type { UdpBackend } from './backend.ts'
import { type Outcome, readDatagram } from './reply.ts'

export interface Question {
  /** latin1. */
  readonly name: string
  /** Bytes that the protocol announced, or 0. */
  readonly incoming: number
}

export interface Patience {
  /** Milliseconds for the whole question. */
  readonly timeout: number
  /** How often it is sent again within them. */
  readonly retries: number
}

/**
 * One question by datagram. The socket is its own, on a random port, and connected: what
 * others send never reaches it, and an answer to an earlier question finds nobody. What
 * does not answer this question is passed over, as the next one still may.
 */
export function askByUdp(
  { host, port, extended }: UdpBackend,
  { name, incoming }: Question,
  { timeout, retries }: Patience,
): Promise<Outcome> {
  const nonce = extended ? randomBytes(8).toString('hex') : undefined
  const words = nonce === undefined ? [name] : [name, incoming, nonce]
  const packet = Buffer.from(`CHECK_QUOTA ${words.join(' ')}`, 'latin1')
  return new Promise((resolve) => {
    const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4')
    let nonsense = 0
    let resender: NodeJS.Timeout | undefined
    const deadline = setTimeout(() => fail(`no answer in ${timeout} ms`), timeout)

    function end(outcome: Outcome): void {
      clearTimeout(deadline)
      clearInterval(resender)
      socket.removeAllListeners()
      socket.on('error', () => {}) // one that was on its way
      socket.close()
      resolve(outcome)
    }

    function fail(why: string): void {
      const trouble = nonsense > 0 ? 'broken-answer' : 'no-answer'
      const heard = nonsense > 0 ? `${why} but ${nonsense} datagrams that make no sense` : why
      end({ kind: 'failed', trouble, why: heard, backendIsUp: false })
    }

    socket.on('error', (error) => fail(errorText(error)))
    socket.on('message', (reply) => {
      const answer = readDatagram(reply, name, nonce)
      if (answer === undefined) nonsense++
      else end({ kind: 'answered', answer })
    })
    socket.on('connect', () => {
      const send = () =>
        socket.send(packet, (error) => {
          if (error) socket.emit('error', error)
        })
      send()
      if (retries > 0) resender = setInterval(send, timeout / (retries + 1))
    })
    try {
      socket.connect(port, host)
    } catch (error) {
      fail(errorText(error))
    }
  })
}
