import { errorCode, errorText } from '../../ground/errors/fault.ts'
import { type Connection, loadConnect } from '../../ground/net/connect.ts'
import type { PassedDescriptors } from '../../ground/net/passed-descriptors.ts'
import type { ClamdAddress } from './address.ts'
import type { Absence, ClamdOutcome, ClamdPacket, RawReplies } from './clamd-outcome.ts'
import { Exchange, timedOut } from './exchange.ts'

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

const absences: Readonly<Record<string, Absence>> = {
  EAGAIN: 'full',
  ECONNREFUSED: 'refused',
  ETIMEDOUT: 'silent',
}

/** Milliseconds for a TCP connection: time for SYN and two repetitions (after 1 and 3 s). */
const CONNECT_TIMEOUT = 5_000

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
      current?.begin(socket!)
    })
  }

  function exchange(
    packets: Iterator<ClamdPacket>,
    signal: AbortSignal,
    replies = 1,
  ): Promise<ClamdOutcome<RawReplies>> {
    if (signal.aborted) return Promise.resolve(timedOut)
    const forget = () => {
      current = undefined
    }
    const options = { packets, replies, signal, passing, endConnection: end, over: forget }
    current = new Exchange(options)
    const { outcome } = current
    if (connected) current.begin(socket!)
    else dial()
    return outcome
  }

  return {
    get isOpen() {
      return !over
    },
    exchange,
    end,
  }
}
