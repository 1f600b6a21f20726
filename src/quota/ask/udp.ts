import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:dgram'
import { errorText } from '../../ground/errors/fault.ts'
import { inTime } from '../../ground/flow/deadline.ts'
import type { UdpBackend } from './backend.ts'
import { readDatagram, type ServiceReply } from './service-reply.ts'
import { createUdpSockets } from './udp-sockets.ts'

export interface QuotaQuestion {
  /** latin1. */
  readonly name: string
  /** Bytes that the protocol announced, or 0. */
  readonly incoming: number
}

export interface AskTimes {
  /** Milliseconds for the whole question. */
  readonly timeout: number
  /** How often it is sent again within them. */
  readonly retries: number
}

export interface UdpClient {
  ask(backend: UdpBackend, question: QuotaQuestion, times: AskTimes): Promise<ServiceReply>
  /**
   * Resolves when each packet has its answer, or the time of its question is over. Then a process
   * may end, and free the ports for others.
   */
  settled(): Promise<void>
}

/**
 * Milliseconds after a question in which answers to it may still come: the service may have been
 * stopped for a while.
 */
export const LATE_ANSWERS = 10_000

/** A question that is over, with packets that have no answer yet. */
interface Unsettled {
  /** When its time is over. */
  readonly until: number
  /** Resolves when nothing is expected any more. */
  readonly left: Promise<void>
}

/**
 * Asks services by datagram. Each question has a socket of its own, and it is connected:
 * what others send never reaches it. What does not answer the question is passed over, as
 * the next one still may.
 *
 * An older service answers with one word, which tells neither name nor question, and what
 * was sent twice is answered twice. So the socket is kept until each packet has its answer,
 * or for LATE_ANSWERS after the question, and its port serves no other question within that
 * time. `now` in milliseconds, on a clock that never goes back.
 */
export function createUdpClient(now: () => number): UdpClient {
  const sockets = createUdpSockets(now, LATE_ANSWERS)
  const unsettled = new Set<Unsettled>()

  function ask(
    backend: UdpBackend,
    { name, incoming }: QuotaQuestion,
    { timeout, retries }: AskTimes,
  ): Promise<ServiceReply> {
    const nonce = backend.extended ? randomBytes(8).toString('hex') : undefined
    const words = nonce === undefined ? [name] : [name, incoming, nonce]
    const packet = Buffer.from(`CHECK_QUOTA ${words.join(' ')}`, 'latin1')
    const until = now() + timeout
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

      /** One packet less may still be answered: it was, or the system says that it went nowhere. */
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
        [...unsettled].map(({ until, left }) => inTime(left, Math.max(0, until - now()))),
      )
    },
  }
}
