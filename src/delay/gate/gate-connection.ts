import { closeSync } from 'node:fs'
import { addressText, clientKey } from '../../base/net/ip-address.ts'
import type {
  AcceptedConnection,
  ClientActivity,
  SocketEvent,
  System,
} from '../../base/runtime/system.ts'
import type { RefusedClient } from '../outcome/early-talkers.ts'

const READ_MAX = 16 * 1024
/**
 * All connections share it. Another connection may read before a caller of read() continues, so read()
 * returns a copy.
 */
const buffer = Buffer.allocUnsafeSlow(READ_MAX)

/** The ranks of connections that wait, from the worst to the best. */
export type Rank = 'talked' | 'nameless' | 'dynamic' | 'other'

/** Why a wait ended: what the client did, or 'program' if the client gets a program now. */
export type WaitEnd = ClientActivity | 'program'

/**
 * One connection, from the accept until the gate closes it. Meanwhile the client waits, is refused,
 * or is served by a program.
 */
export class GateConnection implements RefusedClient {
  readonly id: number
  readonly fd: number
  readonly ip: string
  readonly peer: AcceptedConnection
  /** The key under which its client is counted and cached. */
  readonly client: string
  /** When the client connected, in milliseconds of `uptime`. */
  readonly #acceptedAt: number
  readonly #system: System
  readonly #uptime: () => number

  /** Its rank among the waiting connections, or undefined if it does not wait. */
  rank: Rank | undefined
  /** Its neighbours in the line of its rank. */
  before: GateConnection | undefined
  behind: GateConnection | undefined

  #isWatched = false
  #isClosed = false
  /** The activity of the client until now. It also ends a wait that begins later. */
  #seen: 'talks' | 'left' | undefined
  #settle: ((end: WaitEnd) => void) | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(id: number, peer: AcceptedConnection, system: System, uptime: () => number) {
    this.id = id
    this.peer = peer
    this.fd = peer.fd
    this.ip = addressText(peer.address)
    this.client = clientKey(peer.address)
    this.#system = system
    this.#uptime = uptime
    this.#acceptedAt = uptime()
  }

  /** Whether the gate has closed its descriptor. */
  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Milliseconds since the client connected. */
  get waited(): number {
    return this.#uptime() - this.#acceptedAt
  }

  /** Watches the client from now on. Returns false if the kernel has no room for that. */
  watchFromNowOn(): boolean {
    this.#isWatched = this.#system.watch(this.fd, this.id, 'talking')
    return this.#isWatched
  }

  /**
   * Waits until `delay` milliseconds after the client connected (the delay may not be known yet). Resolves to
   * the activity of the client, as soon as there is any. Reads no byte.
   */
  waitForGreeting(delay: Promise<number>): Promise<ClientActivity> {
    return new Promise((resolve) => {
      const settle = this.#await((end) => resolve(end === 'program' ? 'silent' : end))
      if (this.#seen !== undefined) settle(this.#seen)
      delay.then(
        (time) => {
          if (this.#settle !== settle) return
          this.#endAfter(time - this.waited, () => settle(this.#system.look(this.fd)))
        },
        () => settle('left'),
      )
    })
  }

  /**
   * Waits `time` milliseconds, whatever the client sends. Ends early if the client disconnects, or gets a
   * program ('program').
   */
  waitForLeaving(time: number): Promise<WaitEnd> {
    return new Promise((resolve) => {
      const settle = this.#await(resolve)
      this.#listenFor('leaving')
      if (this.#seen === 'left') settle('left')
      else this.#endAfter(time, () => settle('silent'))
    })
  }

  /** Sends a text at once: the number of a closed descriptor may be another client's. */
  write(text: string): boolean {
    return !this.#isClosed && this.#system.send(this.fd, Buffer.from(text, 'latin1'))
  }

  endSending(): void {
    if (!this.#isClosed) this.#system.endSending(this.fd)
  }

  async read(time: number): Promise<Buffer | undefined> {
    const none = buffer.subarray(0, 0)
    for (;;) {
      if (this.#isClosed) return none
      const count = this.#system.receive(this.fd, buffer)
      if (count !== undefined) return Buffer.from(buffer.subarray(0, count))
      if (!(await this.#waitForBytes(time))) return undefined
      if (this.#seen === 'left' && this.#system.look(this.fd) === 'silent') return none
    }
  }

  /** Ends the wait, because there is a program for the client. Returns false if it does not wait. */
  wake(): boolean {
    const settle = this.#settle
    settle?.('program')
    return settle !== undefined
  }

  /** Looks at the client after an event of its descriptor. */
  onEvent({ isEnd }: SocketEvent): void {
    const sign = this.#system.look(this.fd)
    if (sign === 'silent' && !isEnd) return
    // Unread bytes would raise event after event, so only the end of the stream is watched now.
    if (sign === 'talks' && this.#seen === undefined) this.#see('talks')
    else if (sign === 'talks' && !isEnd) this.#listenFor('leaving')
    else this.#see('left')
    this.#settle?.(sign === 'talks' && this.#seen !== 'left' ? 'talks' : 'left')
  }

  /** Stops watching the descriptor, which a program gets as it was accepted. */
  handOver(): void {
    this.#forgetWait()
    this.#unwatch()
  }

  /** Closes the gate's descriptor. A wait ends as if the client had left. May be called twice. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#settle?.('left')
    this.handOver()
    closeSync(this.fd)
  }

  /**
   * Waits until there are bytes to read or the stream has ended. Resolves to false if neither
   * happens within `time` milliseconds.
   */
  #waitForBytes(time: number): Promise<boolean> {
    return new Promise((resolve) => {
      const settle = this.#await((end) => resolve(end !== 'silent'))
      this.#listenFor('talking')
      if (this.#seen === 'left') settle('left')
      else this.#endAfter(time, () => settle('silent'))
    })
  }

  #see(act: 'talks' | 'left'): void {
    this.#seen = act
    if (act === 'talks') this.#listenFor('leaving')
    else this.#unwatch()
  }

  #unwatch(): void {
    if (this.#isWatched) this.#system.unwatch(this.fd)
    this.#isWatched = false
  }

  #listenFor(act: 'talking' | 'leaving'): void {
    if (this.#isWatched) this.#system.watchAnew(this.fd, this.id, act)
  }

  #await(resolve: (end: WaitEnd) => void): (end: WaitEnd) => void {
    this.#forgetWait()
    const settle = (end: WaitEnd) => {
      if (this.#settle !== settle) return
      this.#forgetWait()
      resolve(end)
    }
    this.#settle = settle
    return settle
  }

  #endAfter(time: number, end: () => void): void {
    if (time <= 0) end()
    else this.#timer = setTimeout(end, Math.ceil(time))
  }

  #forgetWait(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#settle = undefined
  }
}
