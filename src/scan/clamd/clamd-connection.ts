import { readSync } from 'node:fs'
import { errorCode, errorText } from '../../ground/errors/fault.ts'
import { type Connection, loadConnect } from '../../ground/net/connect.ts'
import { descriptorOf } from '../../ground/net/descriptor-of.ts'
import type { PassedDescriptors } from '../../ground/net/passed-descriptors.ts'
import type { ClamdAddress } from './address.ts'
import { createClamdReplyReader, REPLY_MAX } from './clamd-reply.ts'

/** How one conversation with a clamd ended; `why` is one line without the address. */
export type ClamdOutcome<Answer> =
  | { readonly kind: 'answered'; readonly answer: Answer }
  /** No connection, so nothing was sent: another server costs this one nothing. */
  | {
      readonly kind: 'unreachable'
      readonly why: string
      readonly state: Absence
      /** Set if a kept connection broke under the same question a moment before. */
      readonly broke?: true
    }
  /** It took the connection and broke it before its reply was whole. */
  | { readonly kind: 'broken'; readonly why: string; readonly begun: boolean }
  /** The signal fired. clamd may well go on scanning, so do not ask again. */
  | { readonly kind: 'timed-out'; readonly why: string }

/**
 * Why there is no connection: it listens, and its queue of connections is `full`; nobody
 * listens (`refused`); it says nothing (`silent`), which a full queue looks like over TCP, too;
 * or there is no such server (`gone`): no socket, no such host, no right to connect.
 */
export type Absence = 'full' | 'refused' | 'silent' | 'gone'

export interface RawReplies {
  /** Up to the last reply's NUL, perhaps more, or REPLY_MAX bytes for each without one. */
  readonly bytes: Buffer
  /** Whether the kernel had taken every packet when the reply came. */
  readonly sentAll: boolean
}

/** What is sent at once: bytes, or bytes with a descriptor, which stays open here. */
export type ClamdPacket = Buffer | { readonly bytes: Buffer; readonly descriptor: number }

/** A connection to a clamd, made by its first exchange. */
export interface ClamdConnection {
  /** False once nothing can be exchanged any more. */
  readonly isOpen: boolean
  /**
   * Sends the packets one at a time and takes one reply, or so many; one exchange at a time. A packet
   * is asked for only when the one before was handed to the kernel, so its buffer may be
   * used again. The sending side stays open: clamd takes a half-close for a client that
   * went away. A reply that comes early ends the sending.
   *
   * Anything but a whole reply to all that was sent ends the link, and so does what
   * `packets` throws, which is thrown on.
   */
  exchange(
    packets: Iterator<ClamdPacket>,
    signal: AbortSignal,
    replies?: number,
  ): Promise<ClamdOutcome<RawReplies>>
  /** Nothing is left behind then: no descriptor, listener or timer. */
  end(): void
}

/** The exchange that is under way, which gets what the connection reports. */
interface Exchange {
  begin(): void
  receive(chunk: Buffer): void
  fail(error?: Error): void
  giveUp(why: string, state: Absence): void
}

const absences: Readonly<Record<string, Absence>> = {
  EAGAIN: 'full',
  ECONNREFUSED: 'refused',
  ETIMEDOUT: 'silent',
}

/** Milliseconds for a TCP connection: time for SYN and two repetitions (after 1 and 3 s). */
const CONNECT_TIMEOUT = 5_000

/** Milliseconds until a connection that takes nothing is tried again. */
const FULL_FOR = 2

/** A function of the runtime, the same for all: nothing of any message is in it. */
let loading: ReturnType<typeof loadConnect> | undefined

/** `passing`, for who sends descriptors. */
export async function makeClamdConnection(
  address: ClamdAddress,
  passing?: PassedDescriptors,
): Promise<ClamdConnection> {
  // Loading it takes 2 ms, which mail that needs no scan should not pay.
  loading ??= loadConnect()
  const connect = await loading
  let socket: Connection | undefined
  let connected = false
  let over = false
  let timer: NodeJS.Timeout | undefined
  let current: Exchange | undefined

  function end(): void {
    if (over) return
    over = true
    clearTimeout(timer)
    socket
      ?.removeAllListeners()
      .on('error', () => {})
      .destroy()
  }

  function dial(): void {
    socket =
      address.kind === 'unix'
        ? connect({ path: address.path })
        : connect({ host: address.host, port: address.port, noDelay: true })
    if (address.kind === 'tcp') {
      const why = `no connection within ${CONNECT_TIMEOUT / 1000} seconds`
      timer = setTimeout(() => current?.giveUp(why, 'silent'), CONNECT_TIMEOUT)
    }
    // Bytes that come without a question mean that the server wants to leave.
    socket.on('data', (chunk) => (current ? current.receive(chunk) : end()))
    socket.on('end', () => (current ? current.fail() : end()))
    socket.on('error', (error) => {
      if (current === undefined) return end()
      if (connected) return current.fail(error)
      const code = errorCode(error)
      const state = absences[code] ?? 'gone'
      const what = state === 'full' ? 'its queue of connections is full' : 'cannot connect'
      current.giveUp(`${what} (${code || errorText(error)})`, state)
    })
    socket.on('connect', () => {
      connected = true
      clearTimeout(timer)
      current?.begin()
    })
  }

  function exchange(
    packets: Iterator<ClamdPacket>,
    signal: AbortSignal,
    replies = 1,
  ): Promise<ClamdOutcome<RawReplies>> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return resolve(timedOut)
      const reply = createClamdReplyReader(replies)
      let sentAll = false
      let turn: NodeJS.Immediate | undefined
      let pause: NodeJS.Timeout | undefined

      const leave = (settle: () => void) => {
        clearImmediate(turn)
        clearTimeout(pause)
        signal.removeEventListener('abort', abort)
        current = undefined
        packets.return?.()
        settle()
      }
      const finish = (outcome: ClamdOutcome<RawReplies>) => {
        if (outcome.kind !== 'answered' || !sentAll) end()
        leave(() => resolve(outcome))
      }
      const abort = () => finish(timedOut)
      const next = (sendIt: (packet: ClamdPacket) => void) => {
        try {
          const packet = packets.next()
          if (packet.done) sentAll = true
          else sendIt(packet.value)
        } catch (thrown) {
          end()
          leave(() => reject(thrown))
        }
      }
      const failToSend = (error: Error) => {
        own.receive(unread(socket!))
        if (current === own) own.fail(error)
      }
      const send = (packet: ClamdPacket) => {
        if (!Buffer.isBuffer(packet)) return pass(packet)
        socket!.write(packet, (error) => {
          if (current !== own) return
          if (error) return failToSend(error)
          // A turn of the event loop in between, or a server that reads as fast as
          // this writes would keep both its early reply and the deadline waiting.
          next((following) => {
            turn = setImmediate(send, following)
          })
        })
      }
      /** Nothing of ours waits in the connection: one exchange at a time, and each packet was taken. */
      const pass = (packet: Exclude<ClamdPacket, Buffer>) => {
        const fd = descriptorOf(socket!)
        const { bytes, descriptor } = packet
        const done = fd === undefined ? 'failed' : passing?.send(fd, bytes, descriptor)
        if (done === 'sent') next(send)
        else if (done === 'nothing') pause = setTimeout(pass, FULL_FOR, packet)
        else failToSend(new Error('takes no descriptor'))
      }
      const own: Exchange = {
        begin: () => next(send),
        receive(chunk) {
          if (!reply.push(chunk)) return
          const bytes = reply.bytes()
          // A server that says more than it was asked might be answering the next question.
          if (endOfReplies(bytes, replies) !== bytes.length) end()
          finish({ kind: 'answered', answer: { bytes, sentAll } })
        },
        fail: (error) => finish(broken(error, reply.length)),
        giveUp: (why, state) => finish({ kind: 'unreachable', why, state }),
      }
      current = own
      signal.addEventListener('abort', abort)
      if (connected) own.begin()
      else dial()
    })
  }

  return {
    get isOpen() {
      return !over
    },
    exchange,
    end,
  }
}

/** Behind the NUL of the last one; -1 if there are not so many. */
function endOfReplies(bytes: Buffer, replies: number): number {
  let at = 0
  for (let left = replies; left > 0; left--) {
    const end = bytes.indexOf(0, at)
    if (end < 0) return -1
    at = end + 1
  }
  return at
}

const timedOut = { kind: 'timed-out', why: 'no answer within the time limit' } as const

function broken(error: Error | undefined, length: number): ClamdOutcome<never> {
  const begun = length > 0
  const how = begun ? 'broke off in its reply' : 'closed the connection without a reply'
  const why = error ? `${how} (${errorCode(error) || errorText(error)})` : how
  return { kind: 'broken', why, begun }
}

/**
 * What lies unread in a socket whose write just failed. clamd says there why it hung
 * up (size limit), and node:net is about to throw it away with the socket: the
 * descriptor is the only way to it. Empty where the runtime does not show one.
 */
function unread(socket: Connection): Buffer {
  const fd = descriptorOf(socket)
  const room = Buffer.alloc(REPLY_MAX)
  try {
    return fd === undefined ? Buffer.alloc(0) : room.subarray(0, readSync(fd, room))
  } catch {
    return Buffer.alloc(0) // EAGAIN, ECONNRESET: there is nothing
  }
}
