import { readSync } from 'node:fs'
import { errorCode, errorText } from '../../fault.ts'
import { type Connection, loadConnect } from '../../runtime/connect.ts'
import type { ClamdAddress } from './address.ts'
import { createReplyReader, REPLY_MAX } from './reply.ts'

/** How one conversation with a clamd ended; `why` is one line without the address. */
export type Outcome<Answer> =
  | { readonly kind: 'answered'; readonly answer: Answer }
  /** No connection, so nothing was sent: another server costs this one nothing. */
  | { readonly kind: 'unreachable'; readonly why: string }
  /** It took the connection and broke it before its reply was whole. */
  | { readonly kind: 'broken'; readonly why: string }
  /** The signal fired. clamd may well go on scanning, so do not ask again. */
  | { readonly kind: 'timed-out'; readonly why: string }

export interface Received {
  /** Up to the reply's NUL, perhaps more, or REPLY_MAX bytes without one. */
  readonly bytes: Buffer
  /** Whether the kernel had taken every packet when the reply came. */
  readonly sentAll: boolean
}

/** Milliseconds for a TCP connection: time for SYN and two repetitions (after 1 and 3 s). */
const CONNECT_TIMEOUT = 5_000

let loading: ReturnType<typeof loadConnect> | undefined

/**
 * Connects, sends the packets one at a time and takes one reply. A packet is
 * asked for only when the one before was handed to the kernel, so its buffer may be
 * used again. The sending side stays open until the reply is here: clamd takes a
 * half-close for a client that went away.
 *
 * A reply that comes early ends the sending. What `packets` throws is thrown on.
 * Nothing is left behind: no descriptor, listener or timer.
 */
export async function converse(
  address: ClamdAddress,
  packets: Iterator<Buffer>,
  signal: AbortSignal,
): Promise<Outcome<Received>> {
  // Loading it takes 2 ms, which mail that needs no scan should not pay.
  loading ??= loadConnect()
  const connect = await loading

  return await new Promise((resolve, reject) => {
    if (signal.aborted) return resolve(timedOut)
    const reply = createReplyReader()
    let connected = false
    let sentAll = false
    let settled = false
    let turn: NodeJS.Immediate | undefined
    let timer: NodeJS.Timeout | undefined

    const socket =
      address.kind === 'unix'
        ? connect({ path: address.path })
        : connect({ host: address.host, port: address.port, noDelay: true })

    const leave = (settle: () => void) => {
      if (settled) return
      settled = true
      clearTimeout(timer)
      clearImmediate(turn)
      signal.removeEventListener('abort', abort)
      socket
        .removeAllListeners()
        .on('error', () => {})
        .destroy()
      packets.return?.()
      settle()
    }
    const end = (outcome: Outcome<Received>) => leave(() => resolve(outcome))
    const abort = () => end(timedOut)

    const receive = (chunk: Buffer) => {
      if (reply.push(chunk)) end({ kind: 'answered', answer: { bytes: reply.bytes(), sentAll } })
    }
    const send = (packet: Buffer) => {
      socket.write(packet, (error) => {
        if (settled) return
        if (error) {
          receive(unread(socket))
          return end(broken(error, reply.length))
        }
        try {
          const next = packets.next()
          if (next.done) sentAll = true
          // A turn of the event loop in between, or a server that reads as fast as
          // this writes would keep both its early reply and the deadline waiting.
          else turn = setImmediate(send, next.value)
        } catch (thrown) {
          leave(() => reject(thrown))
        }
      })
    }

    signal.addEventListener('abort', abort)
    if (address.kind === 'tcp') {
      timer = setTimeout(() => {
        const why = `no connection within ${CONNECT_TIMEOUT / 1000} seconds`
        end({ kind: 'unreachable', why })
      }, CONNECT_TIMEOUT)
    }
    socket.on('data', receive)
    socket.on('end', () => end(broken(undefined, reply.length)))
    socket.on('error', (error) => end(connected ? broken(error, reply.length) : unreachable(error)))
    socket.on('connect', () => {
      connected = true
      clearTimeout(timer)
      try {
        send(packets.next().value)
      } catch (thrown) {
        leave(() => reject(thrown))
      }
    })
  })
}

const timedOut = { kind: 'timed-out', why: 'no answer within the time limit' } as const

function unreachable(error: Error): Outcome<never> {
  return { kind: 'unreachable', why: `cannot connect (${errorCode(error) || errorText(error)})` }
}

function broken(error: Error | undefined, length: number): Outcome<never> {
  const how = length > 0 ? 'broke off in its reply' : 'closed the connection without a reply'
  return { kind: 'broken', why: error ? `${how} (${errorCode(error) || errorText(error)})` : how }
}

/**
 * What lies unread in a socket whose write just failed. clamd says there why it hung
 * up (size limit), and node:net is about to throw it away with the socket: the
 * descriptor is the only way to it. Empty where the runtime does not show one.
 */
function unread(socket: Connection): Buffer {
  const fd = (socket as { _handle?: { fd?: number } | null })._handle?.fd ?? -1
  const room = Buffer.alloc(REPLY_MAX)
  try {
    return fd < 0 ? Buffer.alloc(0) : room.subarray(0, readSync(fd, room))
  } catch {
    return Buffer.alloc(0) // EAGAIN, ECONNRESET: there is nothing
  }
}
