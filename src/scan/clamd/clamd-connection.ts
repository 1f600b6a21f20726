import { readSync } from 'node:fs'
import { errorCode, errorText } from '../../ground/errors/fault.ts'
import { type Connection, loadConnect } from '../../ground/net/connect.ts'
import { descriptorOf } from '../../ground/net/descriptor-of.ts'
import type { PassedDescriptors } from '../../ground/net/passed-descriptors.ts'
import type { ClamdAddress } from './address.ts'
import { createClamdReplyReader, REPLY_MAX } from './clamd-reply.ts'

/** The outcome of one conversation with clamd; `why` is one line without the address. */
export type ClamdOutcome<Answer> =
  | { readonly kind: 'answered'; readonly answer: Answer }
  /** There was no connection, so nothing was sent. The message may go to another server. */
  | {
      readonly kind: 'unreachable'
      readonly why: string
      readonly state: Absence
      /** Set if a kept connection broke in the same conversation a moment before. */
      readonly broke?: true
    }
  /** The server took the connection and closed it before its reply was whole. */
  | { readonly kind: 'broken'; readonly why: string; readonly begun: boolean }
  /** The signal fired. clamd may go on scanning, so it is not asked again. */
  | { readonly kind: 'timed-out'; readonly why: string }

/**
 * Why there is no connection. `full`: the server's queue of connections is full. `refused`: nobody
 * listens. `silent`: the server says nothing, which over TCP may be a full queue, too. `gone`:
 * there is no such socket or host, or no right to connect.
 */
export type Absence = 'full' | 'refused' | 'silent' | 'gone'

/** The bytes that came back. */
export interface RawReplies {
  /** The replies up to the last one's NUL, perhaps more; without NULs REPLY_MAX bytes for each. */
  readonly bytes: Buffer
  /** Whether the kernel had taken all packets when the reply came. */
  readonly sentAll: boolean
}

/** What is sent in one call: bytes, perhaps with a descriptor, which stays open here. */
export type ClamdPacket = Buffer | { readonly bytes: Buffer; readonly descriptor: number }

/** A connection to clamd, which its first exchange makes. */
export interface ClamdConnection {
  /** False once nothing can be exchanged any more. */
  readonly isOpen: boolean
  /**
   * Sends the packets one at a time and takes `replies` replies (1). There is one exchange at a
   * time. A packet is asked for only when the kernel has taken the one before, so that packets can
   * share a buffer. The sending side stays open: if it were closed, clamd would believe that the
   * client has gone. A reply that comes early ends the sending.
   *
   * Anything but a whole reply to all that was sent ends the connection. So does an error of
   * `packets`, which is thrown on.
   */
  exchange(
    packets: Iterator<ClamdPacket>,
    signal: AbortSignal,
    replies?: number,
  ): Promise<ClamdOutcome<RawReplies>>
  /** Ends the connection, and leaves no descriptor, listener or timer behind. */
  end(): void
}

/** The exchange that is under way; the connection tells it what happens. */
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

/** Milliseconds until a socket that took nothing is tried again. */
const FULL_FOR = 2

/** A function of the runtime, which all connections share: it holds nothing of any message. */
let loading: ReturnType<typeof loadConnect> | undefined

/** Makes a connection; `passing` is needed to send descriptors. */
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
    // Bytes that nobody asked for mean that the server is about to close the connection.
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
      /** Sends by the descriptor itself. Nothing waits in the socket, since each packet before was taken. */
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
          // Further bytes might be taken for the answer to the next question.
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

/** The offset behind the NUL of the last reply; -1 if there are fewer replies. */
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
 * Reads what lies in a socket whose write has just failed: clamd says there why it hung up (its
 * size limit). node:net would drop it with the socket, so it is read from the descriptor. Empty if
 * the runtime does not show the descriptor.
 */
function unread(socket: Connection): Buffer {
  const fd = descriptorOf(socket)
  const room = Buffer.alloc(REPLY_MAX)
  try {
    return fd === undefined ? Buffer.alloc(0) : room.subarray(0, readSync(fd, room))
  } catch {
    return Buffer.alloc(0) // EAGAIN or ECONNRESET: there is nothing to read
  }
}
