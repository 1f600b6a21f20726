import { randomBytes } from 'node:crypto'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { isIPv6 } from 'node:net'
import { errorCode, errorText } from '../../../base/errors/fault.ts'
import { Semaphore } from '../../../base/flow/semaphore.ts'
import { TIMED_OUT, withTimeout } from '../../../base/flow/timeout.ts'
import type { QuotaAnswer } from '../../../base/protocol/quota/quota-answer.ts'
import {
  questionDatagram,
  readReplyDatagram,
} from '../../../base/protocol/quota/quota-datagrams.ts'
import { formatDuration } from '../../../base/text/units.ts'
import { brokenAnswer, noAnswer } from './quota-lookup.ts'
import type { UdpBackend } from './quota-settings.ts'

export interface QuotaQuestion {
  /** The name of the mailbox, latin1. */
  readonly name: string
  /** Bytes of the message as the protocol announced them, or 0. */
  readonly incoming: number
}

export interface AskTimes {
  /** Milliseconds for the whole query. */
  readonly timeout: number
}

/** The number of retries of a request within its timeout. */
export const QUESTION_RETRIES = 2

/** Milliseconds after a request in which delayed answers of a busy service may still arrive. */
const LATE_ANSWERS = 10_000

/**
 * Sends requests to services by datagram. Each request has its own connected socket, so that datagrams of
 * other senders never reach it. A datagram that is not an answer to the request is ignored, because the
 * answer may still follow.
 *
 * An older service answers with one word, which names neither user nor request. It answers a repeated request
 * with two datagrams. So the socket is kept until each datagram has its answer, or for LATE_ANSWERS after the
 * request. A process that ends meanwhile does not wait: the system chooses ports at random.
 */
export class UdpClient {
  readonly #sockets: UdpSockets

  constructor(sockets = new UdpSockets()) {
    this.#sockets = sockets
  }

  /** Never rejects. */
  async ask(
    backend: UdpBackend,
    { name, incoming }: QuotaQuestion,
    times: AskTimes,
  ): Promise<QuotaAnswer> {
    const { timeout } = times
    const nonce = backend.isExtended ? randomBytes(8).toString('hex') : undefined
    const question =
      nonce === undefined
        ? { user: name, incoming: undefined, nonce: '' }
        : { user: name, incoming, nonce }
    const exchange = new UdpExchange(
      Buffer.from(questionDatagram(question), 'latin1'),
      (datagram) => readReplyDatagram(datagram, name, nonce),
    )
    const over = new AbortController()
    const answered = async () => {
      const socket = await this.#sockets.take(backend, over.signal)
      if (socket === undefined) return TIMED_OUT
      if (!over.signal.aborted) return exchange.begin(socket, times)
      this.#sockets.giveBack(socket)
      return TIMED_OUT
    }
    try {
      const answer = await withTimeout(answered(), timeout)
      return answer === TIMED_OUT
        ? failureOf(`no answer in ${formatDuration(timeout)}`, exchange)
        : answer
    } catch (error) {
      return failureOf(errorText(error), exchange)
    } finally {
      over.abort()
      if (exchange.socket) this.#leave(exchange.socket, backend, exchange)
    }
  }

  async #leave(socket: Socket, { isExtended }: UdpBackend, exchange: UdpExchange): Promise<void> {
    exchange.stopSending()
    socket.unref()
    if (!isExtended) await exchange.settled()
    this.#sockets.giveBack(socket)
  }
}

/** The datagrams of one query and its answers, on a socket of its own. */
class UdpExchange {
  /** The socket, or undefined until `begin`. */
  socket: Socket | undefined
  /** The number of datagrams that were received and are not answers to the query. */
  nonsense = 0
  readonly #packet: Buffer
  readonly #read: (datagram: Buffer) => QuotaAnswer | undefined
  #resender: NodeJS.Timeout | undefined
  #unanswered = 0
  #onSettled = () => {}

  constructor(packet: Buffer, read: (datagram: Buffer) => QuotaAnswer | undefined) {
    this.#packet = packet
    this.#read = read
  }

  /**
   * Sends the query on a connected socket, and again up to QUESTION_RETRIES times. Resolves to
   * the first answer. Rejects with the error of the system, as for a datagram that could not be
   * delivered.
   */
  begin(socket: Socket, { timeout }: AskTimes): Promise<QuotaAnswer> {
    this.socket = socket
    let left = QUESTION_RETRIES
    return new Promise((resolve, reject) => {
      const failed = (error: Error) => {
        this.#countOff()
        const isRefused = errorCode(error) === 'ECONNREFUSED' // by ICMP, so the next call reports it
        reject(isRefused ? new Error('nothing listens there', { cause: error }) : error)
      }
      const send = () => {
        this.#unanswered++
        socket.send(this.#packet, (error) => {
          if (error) failed(error)
        })
      }
      socket.on('error', failed)
      socket.on('message', (datagram) => {
        const answer = this.#read(datagram)
        if (answer === undefined) {
          this.nonsense++
          return
        }
        this.#countOff()
        resolve(answer)
      })
      send()
      this.#resender = setInterval(
        () => {
          if (left-- > 0) send()
        },
        timeout / (QUESTION_RETRIES + 1),
      )
    })
  }

  stopSending(): void {
    clearInterval(this.#resender)
  }

  /** Resolves when each datagram was answered or could not be delivered, or after LATE_ANSWERS. */
  async settled(): Promise<void> {
    if (this.#unanswered === 0) return
    await new Promise<void>((resolve) => {
      const giveUp = setTimeout(resolve, LATE_ANSWERS).unref()
      this.#onSettled = () => {
        clearTimeout(giveUp)
        resolve()
      }
    })
  }

  /** One datagram less may still be answered. */
  #countOff(): void {
    this.#unanswered--
    if (this.#unanswered === 0) this.#onSettled()
  }
}

function failureOf(reason: string, { nonsense }: UdpExchange): QuotaAnswer {
  if (nonsense === 0) return noAnswer(reason)
  return brokenAnswer(`${reason}, only ${nonsense} invalid datagrams`, false)
}

/** Upper limit for open sockets, including those that only wait for delayed answers. */
const SOCKETS_MAX = 512

/** Opens sockets on ports that the system chooses at random. */
export class UdpSockets {
  readonly #permits: Semaphore
  readonly #open = new Map<Socket, () => void>()

  constructor(most = SOCKETS_MAX) {
    this.#permits = new Semaphore(most)
  }

  /**
   * Opens a connected socket for one request. Waits while too many sockets are open, and resolves to
   * undefined if the signal is aborted first. Rejects with the error of the system.
   */
  async take(backend: UdpBackend, signal: AbortSignal): Promise<Socket | undefined> {
    const release = await this.#permits.acquire(signal)
    if (release === undefined) return undefined
    try {
      const socket = await connectSocket(backend)
      this.#open.set(socket, release)
      return socket
    } catch (error) {
      release()
      throw error
    }
  }

  /** Closes the socket. It no longer calls any listener. */
  giveBack(socket: Socket): void {
    close(socket)
    this.#open.get(socket)?.()
    this.#open.delete(socket)
  }
}

async function connectSocket({ host, port }: UdpBackend): Promise<Socket> {
  const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4')
  try {
    socket.connect(port, host)
    await once(socket, 'connect')
    return socket
  } catch (error) {
    close(socket)
    throw error
  }
}

function close(socket: Socket): void {
  socket.removeAllListeners()
  socket.on('error', () => {}) // an error that was reported meanwhile
  socket.close()
}
