import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:dgram'
import { errorText } from '../../ground/errors/fault.ts'
import { inTime } from '../../ground/flow/deadline.ts'
import type { UdpBackend } from './backend.ts'
import { noAnswer, readReplyDatagram, type ServiceReply } from './service-reply.ts'
import { beginExchange, type UdpExchange } from './udp-exchange.ts'
import { createUdpSockets, type UdpSockets } from './udp-sockets.ts'

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
const LATE_ANSWERS = 10_000

/** A question that is over, although some of its datagrams have no answer yet. */
interface UnsettledQuestion {
  /** When the time of the question is over. */
  readonly until: number
  /** Resolves when no answer is expected any more. */
  readonly settled: Promise<void>
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
export function createUdpClient(
  uptime: () => number,
  sockets: UdpSockets = createUdpSockets(uptime, LATE_ANSWERS),
): UdpClient {
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
      let release = () => {}
      let exchange: UdpExchange | undefined
      let isOver = false
      const deadline = setTimeout(() => fail(`no answer in ${timeout} ms`), timeout)

      function end(reply: ServiceReply): void {
        if (isOver) return
        isOver = true
        clearTimeout(deadline)
        release()
        resolve(reply)
      }

      function fail(why: string): void {
        end(failureOf(why, exchange?.nonsense ?? 0))
      }

      function begin(socket: Socket): void {
        const begun = beginExchange(socket, {
          packet,
          resendEvery: retries > 0 ? timeout / (retries + 1) : undefined,
          read: (datagram) => readReplyDatagram(datagram, name, nonce),
          onAnswer: end,
          onError: (error) => fail(errorText(error)),
        })
        exchange = begun
        release = () => keepOrGiveBack(socket, begun)
      }

      function keepOrGiveBack(socket: Socket, ended: UdpExchange): void {
        const settled = ended.end()
        if (backend.extended || ended.isSettled) sockets.giveBack(socket, backend)
        else keepUntilSettled(socket, settled).then(() => sockets.giveBack(socket, backend))
      }

      sockets
        .take(backend, () => !isOver)
        .then((socket) => {
          if (socket && isOver) sockets.giveBack(socket, backend)
          else if (socket) begin(socket)
        })
        .catch((error) => fail(errorText(error)))
    })

    /** Resolves when late answers have come, or after LATE_ANSWERS. */
    async function keepUntilSettled(socket: Socket, settled: Promise<void>): Promise<void> {
      socket.unref()
      let giveUp: NodeJS.Timeout | undefined
      const tooLate = new Promise<void>((resolve) => {
        giveUp = setTimeout(resolve, LATE_ANSWERS).unref()
      })
      const question = { until, settled: Promise.race([settled, tooLate]) }
      unsettled.add(question)
      await question.settled
      clearTimeout(giveUp)
      unsettled.delete(question)
    }
  }

  return {
    ask,
    async settled() {
      await Promise.all(
        [...unsettled].map(({ until, settled }) => {
          return inTime(settled, Math.max(0, until - uptime()))
        }),
      )
    },
  }
}

function failureOf(why: string, nonsense: number): ServiceReply {
  if (nonsense === 0) return noAnswer(why)
  const heard = `${why} but ${nonsense} datagrams that make no sense`
  return { answer: 'unknown', why: heard, trouble: 'broken-answer', backendIsUp: false }
}
