import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:dgram'
import { errorText } from '../../ground/errors/fault.ts'
import { inTime } from '../../ground/flow/deadline.ts'
import type { UdpBackend } from './backend.ts'
import { readDatagram, type ServiceReply } from './service-reply.ts'
import { createUdpSockets } from './udp-sockets.ts'

export interface QuotaQuestion {
  /** The name of the mailbox, latin1. */
  readonly name: string
  /** Bytes of the message as the protocol announced them, or 0. */
  readonly incoming: number
}

export interface AskTimes {
  /** Milliseconds for the whole question. */
  readonly timeout: number
  /** How often the question is sent again within the timeout. */
  readonly retries: number
}

export interface UdpClient {
  ask(backend: UdpBackend, question: QuotaQuestion, times: AskTimes): Promise<ServiceReply>
  /**
   * Resolves when each datagram has its answer, or the time of its question is over. A process may
   * end then, which gives its ports to others.
   */
  settled(): Promise<void>
}

/** Milliseconds after a question in which late answers may still come, as from a busy service. */
export const LATE_ANSWERS = 10_000

/** A question that is over, although some of its datagrams have no answer yet. */
interface UnsettledQuestion {
  /** When the time of the question is over. */
  readonly until: number
  /** Resolves when no answer is expected any more. */
  readonly left: Promise<void>
}

/**
 * Asks services by datagram. Each question has a connected socket of its own, so that datagrams of
 * other senders never reach it. A datagram that is no answer to the question is passed over, since
 * the answer may still follow.
 *
 * An older service answers with one word, which names neither user nor question, and answers a
 * question that was sent twice with two datagrams. So the socket is kept until each datagram has
 * its answer, or for LATE_ANSWERS after the question. Its port is used for no other question within
 * that time. `uptime` is milliseconds on a clock that nobody sets.
 */
export function createUdpClient(uptime: () => number): UdpClient {
  const sockets = createUdpSockets(uptime, LATE_ANSWERS)
  const unsettled = new Set<UnsettledQuestion>()

  function ask(
    backend: UdpBackend,
    { name, incoming }: QuotaQuestion,
    { timeout, retries }: AskTimes,
  ): Promise<ServiceReply> {
    const nonce = backend.extended ? randomBytes(8).toString('hex') : undefined
    const words = nonce === undefined ? [name] : [name, incoming, nonce]
    const packet = Buffer.from(`CHECK_QUOTA ${words.join(' ')}`, 'latin1')
    const until = uptime() + timeout
    return new Promise((resolve) => {
      let socket: Socket | undefined
      let unanswered = 0
      let nonsense = 0
      let isOver = false
      let letGo = () => {}
      let resender: NodeJS.Timeout | undefined
      const deadline = setTimeout(() => fail(`no answer in ${timeout} ms`), timeout)

      function end(reply: ServiceReply): void {
        if (isOver) return
        isOver = true
        clearTimeout(deadline)
        clearInterval(resender)
        if (socket) keepOrGiveBack(socket)
        resolve(reply)
      }

      function keepOrGiveBack(socket: Socket): void {
        if (nonce !== undefined || unanswered === 0) {
          sockets.giveBack(socket, backend)
          return
        }
        socket.unref()
        const left = new Promise<void>((resolve) => {
          letGo = resolve
        })
        const giveUp = setTimeout(letGo, LATE_ANSWERS).unref()
        const question = { until, left }
        unsettled.add(question)
        left.then(() => {
          clearTimeout(giveUp)
          unsettled.delete(question)
          sockets.giveBack(socket, backend)
        })
      }

      function fail(why: string): void {
        const trouble = nonsense > 0 ? 'broken-answer' : 'no-answer'
        const heard = nonsense > 0 ? `${why} but ${nonsense} datagrams that make no sense` : why
        end({ answer: 'unknown', why: heard, trouble, backendIsUp: false })
      }

      /** Notes that a datagram was answered, or could not be delivered. */
      function settle(outcome: () => void): void {
        unanswered--
        if (!isOver) outcome()
        else if (unanswered === 0) letGo()
      }

      function converse(taken: Socket): void {
        socket = taken
        const failed = (error: Error) => settle(() => fail(errorText(error)))
        const send = () => {
          unanswered++
          taken.send(packet, (error) => {
            if (error) failed(error)
          })
        }
        taken.on('error', failed)
        taken.on('message', (reply) => {
          const answer = readDatagram(reply, name, nonce)
          if (answer === undefined) nonsense++
          else settle(() => end(answer))
        })
        send()
        if (retries > 0) resender = setInterval(send, timeout / (retries + 1))
      }

      sockets
        .take(backend, () => !isOver)
        .then((taken) => {
          if (taken && isOver) sockets.giveBack(taken, backend)
          else if (taken) converse(taken)
        })
        .catch((error) => fail(errorText(error)))
    })
  }

  return {
    ask,
    async settled() {
      await Promise.all(
        [...unsettled].map(({ until, left }) => inTime(left, Math.max(0, until - uptime()))),
      )
    },
  }
}
