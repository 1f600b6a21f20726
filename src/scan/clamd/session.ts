import { errorCode, errorText } from '../../ground/errors/fault.ts'
import { type Connection, loadConnect } from '../../ground/net/connect.ts'
import type { PassedDescriptors } from '../../ground/net/passed-descriptors.ts'
import type { ClamdAddress } from './address.ts'
import type { Absence, ClamdOutcome, ClamdPacket } from './clamd-outcome.ts'
import { Exchange, type RawReplies, timedOut } from './exchange.ts'

/** Commands that are sent together. */
export interface ClamdCommands {
  /** The number of commands; each gets a reply. */
  readonly count: number
  /**
   * Returns what is sent. It is called anew if the commands have to be sent again. A packet is asked for
   * only when the kernel has taken the one before, so that packets can share a buffer.
   */
  packets(): Iterator<ClamdPacket>
}

export interface ClamdReplies {
  /** In the order of the commands, each up to its NUL and without its number. */
  readonly replies: readonly Buffer[]
  /** Whether the kernel had taken all packets when the last reply came. */
  readonly sentAll: boolean
}

const GREETING = Buffer.from('zIDSESSION\0')

const absences: Readonly<Record<string, Absence>> = {
  EAGAIN: 'full',
  ECONNREFUSED: 'refused',
  ETIMEDOUT: 'silent',
}

/** Milliseconds for a TCP connection: time for SYN and two repetitions (after 1 and 3 s). */
const CONNECT_TIMEOUT = 5_000

/** A function of the runtime, which all connections share: it holds nothing of any message. */
let loading: ReturnType<typeof loadConnect> | undefined

/**
 * A session with clamd (IDSESSION, clamd(8)) on a connection of its own, which the first question makes:
 * each reply bears the number of its command. clamd's threads answer commands that are sent together in
 * any order. The sending side stays open: if it were closed, clamd would believe that the client has gone.
 */
export class ClamdSession {
  readonly #address: ClamdAddress
  readonly #passing: PassedDescriptors | undefined
  #socket: Connection | undefined
  #isConnected = false
  #isOver = false
  #timer: NodeJS.Timeout | undefined
  #current: Exchange | undefined
  /** Commands sent so far. */
  #commands = 0

  /** `passing` is needed to send descriptors. */
  constructor(address: ClamdAddress, passing?: PassedDescriptors) {
    this.#address = address
    this.#passing = passing
  }

  /** False once nothing can be asked any more. */
  get isOpen(): boolean {
    return !this.#isOver
  }

  /**
   * Sends the commands, and takes their replies; one question at a time. A reply that comes early ends
   * the sending. Anything but whole replies to all that was sent ends the session. So does an error of
   * `packets`, which is thrown on.
   */
  async ask(
    { count, packets }: ClamdCommands,
    signal: AbortSignal,
  ): Promise<ClamdOutcome<ClamdReplies>> {
    const first = this.#commands + 1
    this.#commands += count
    const sent = first === 1 ? greeted(packets()) : packets()
    const outcome = await this.#exchange(sent, count, signal)
    if (outcome.kind !== 'answered') return outcome
    const { bytes, sentAll } = outcome.answer
    const replies = byNumber(bytes, first, count)
    if (replies !== undefined) return { kind: 'answered', answer: { replies, sentAll } }
    this.end()
    const why = 'answered something else than what it was asked'
    return { kind: 'broken', why, begun: false }
  }

  /** Ends the connection, and leaves no descriptor, listener or timer behind. */
  end(): void {
    if (this.#isOver) return
    this.#isOver = true
    clearTimeout(this.#timer)
    this.#socket
      ?.removeAllListeners()
      .on('error', () => {})
      .destroy()
  }

  async #exchange(
    packets: Iterator<ClamdPacket>,
    replies: number,
    signal: AbortSignal,
  ): Promise<ClamdOutcome<RawReplies>> {
    // Loading it takes 2 ms, which mail that needs no scan should not pay.
    loading ??= loadConnect()
    const connect = await loading
    if (signal.aborted) {
      this.end() // its commands were counted, and never sent
      return timedOut
    }
    const exchange = new Exchange({
      packets,
      replies,
      signal,
      passing: this.#passing,
      endConnection: () => this.end(),
      over: () => {
        this.#current = undefined
      },
    })
    this.#current = exchange
    if (this.#isConnected) exchange.begin(this.#socket!)
    else this.#dial(connect)
    return exchange.outcome
  }

  #dial(connect: Awaited<ReturnType<typeof loadConnect>>): void {
    const address = this.#address
    const socket =
      address.kind === 'unix'
        ? connect({ path: address.path })
        : connect({ host: address.host, port: address.port, noDelay: true })
    this.#socket = socket
    if (address.kind === 'tcp') {
      const why = `no connection within ${CONNECT_TIMEOUT / 1000} seconds`
      this.#timer = setTimeout(() => this.#current?.giveUp(why, 'silent'), CONNECT_TIMEOUT)
    }
    // Bytes that nobody asked for mean that the server is about to close the connection.
    socket.on('data', (chunk) => (this.#current ? this.#current.receive(chunk) : this.end()))
    socket.on('end', () => (this.#current ? this.#current.fail() : this.end()))
    socket.on('error', (error) => this.#fail(error))
    socket.on('connect', () => {
      this.#isConnected = true
      clearTimeout(this.#timer)
      this.#current?.begin(socket)
    })
  }

  #fail(error: Error): void {
    if (this.#current === undefined) this.end()
    else if (this.#isConnected) this.#current.fail(error)
    else {
      const code = errorCode(error)
      const state = absences[code] ?? 'gone'
      const what = state === 'full' ? 'its queue of connections is full' : 'cannot connect'
      this.#current.giveUp(`${what} (${code || errorText(error)})`, state)
    }
  }
}

/** The packets of the first question on a connection, of which the first packet opens the session, too. */
function* greeted(packets: Iterator<ClamdPacket>): Generator<ClamdPacket> {
  try {
    let packet = packets.next()
    if (!packet.done) yield withGreeting(packet.value)
    for (packet = packets.next(); !packet.done; packet = packets.next()) yield packet.value
  } finally {
    packets.return?.()
  }
}

function withGreeting(packet: ClamdPacket): ClamdPacket {
  if (Buffer.isBuffer(packet)) return Buffer.concat([GREETING, packet])
  return { ...packet, bytes: Buffer.concat([GREETING, packet.bytes]) }
}

/**
 * Returns the replies in the order of their commands, each with its NUL, if it has one, and without its
 * number. Undefined unless there is one reply for each of the `count` numbers from `first` on.
 */
function byNumber(bytes: Buffer, first: number, count: number): Buffer[] | undefined {
  const replies: Buffer[] = new Array(count)
  let at = 0
  for (let left = count; left > 0; left--) {
    const end = bytes.indexOf(0, at) + 1 || bytes.length
    const [whole, digits] = /^([0-9]{1,10}): /.exec(bytes.toString('latin1', at, end)) ?? []
    const index = Number(digits) - first
    if (whole === undefined || index < 0 || index >= count || replies[index]) return undefined
    replies[index] = bytes.subarray(at + whole.length, end)
    at = end
  }
  return replies
}
