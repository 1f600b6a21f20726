import type { Socket } from 'node:net'
import { attempt, errorText, isFault } from '../../../../base/errors/fault.ts'
import { Budget, type MemoryLease } from '../../../../base/flow/memory-budget.ts'
import { readUptime } from '../../../../base/flow/uptime.ts'
import { longestSilent } from '../../../../base/protocol/connection/idle.ts'
import type { Configuration } from '../../../configuration/configuration.ts'
import { type Door, serve } from '../../../serving/serve.ts'
import { PeerTimeout, Wire, type WireHost } from '../../../serving/wire.ts'
import { answerAboutDaemon } from './about-daemon.ts'
import { acknowledgement, heartbeat, standaloneAnswer } from './encode-answer.ts'
import { SlotRequestReader } from './request.ts'
import { ScanStandalone } from './scan-standalone.ts'
import { type SlotSocketOptions, type SlotTimeouts, slotTimeouts } from './slot-options.ts'
import { SlotServer } from './slot-server.ts'

/** Upper limit, in milliseconds, between checks for due frames: an acknowledgement is due within a second. */
const TICK_MAX = 300
/** Bytes that a conversation uses in addition to its request. They limit the number of waiting clients. */
const SESSION_BYTES = 16 * 1024

/** Returns the slot door, which speaks the protocol of slot-protocol.md. */
export function createSlotSocketDoor(first: Configuration, options: SlotSocketOptions): Door {
  const { timeouts = slotTimeouts } = options
  const server = new SlotServer(first, options)
  const budget = new Budget(options.memory)
  /** The conversations with an incomplete head. They must not block others. */
  const waiting = new Set<Wire>()
  return serve<Wire>({
    configure: (next) => server.configure(next),
    every: Math.min(TICK_MAX, Math.ceil(timeouts.heartbeatAfter / 2)),
    maxConnections: options.maxClients,
    maxSockets: options.maxSockets,
    takesPlace: (wire) => waiting.has(wire),
    log: (reason) => options.log(`socket for onescanc: ${reason}`),
    memory: () => budget.used,
    makeRoom(connections) {
      const oldest = longestSilent([...connections].filter(([wire]) => waiting.has(wire)))
      oldest?.dismiss('too many connections')
      return oldest !== undefined
    },
    accept({ socket }, _, closed) {
      const lease = budget.open(String(attempt(() => options.identifyPeer(socket))?.uid))
      const wire = serveSlotClient(socket, {
        server,
        lease,
        timeouts,
        leaving: timeouts.leaving,
        uptime: readUptime,
        log: options.log,
        admit() {
          waiting.delete(wire)
          lease.charge(SESSION_BYTES)
        },
        closed() {
          waiting.delete(wire)
          closed()
        },
      })
      waiting.add(wire)
      return wire
    },
  })
}

/** The services that a conversation needs from the slot door. */
interface SlotHost extends WireHost {
  readonly server: SlotServer
  /** Memory for the data of this connection, until it ends. */
  readonly lease: MemoryLease
  readonly timeouts: SlotTimeouts
  /** Called when the head is complete. Throws if there is no room for one more message. */
  admit(): void
}

/** Serves one client, about one message. A dismissed client scans standalone. */
function serveSlotClient(socket: Socket, host: SlotHost): Wire {
  const { server, lease } = host
  const reader = new SlotRequestReader({
    maxSize: server.options.maxSize,
    lease,
    openIntake: (size) => server.openIntake(lease, size),
  })
  /** The client logs what concerns its message. */
  const farewell = (reason: string) => {
    server.standalone('asked', reader.variables)
    return standaloneAnswer(reason)
  }
  const wire = new Wire(
    socket,
    { push: (chunk) => reader.push(chunk), isFull: false },
    { ...host, farewell },
  )
  // By then the client has the last frame, and sends nothing more.
  socket.on('finish', () => socket.destroy())
  void wire.converse(async () => {
    try {
      const answer = await receiveAndAnswer(wire, socket, reader, host)
      if (answer !== undefined) wire.hangUp(answer)
    } catch (error) {
      if (wire.hasHungUp) return
      const reason = errorText(error)
      const isExpected =
        error instanceof ScanStandalone || error instanceof PeerTimeout || isFault(error)
      if (!isExpected) server.options.log(reason)
      wire.hangUp(farewell(reason))
    } finally {
      const hasHead = reader.timeLeft !== undefined
      if ((wire.isLost || !wire.hasHungUp) && hasHead) server.standalone('left', reader.variables)
      reader.free()
      lease.close()
    }
  })
  return wire
}

/** Resolves to the answer to the client, or to undefined if it has left. */
async function receiveAndAnswer(
  wire: Wire,
  socket: Socket,
  reader: SlotRequestReader,
  { server, timeouts, admit }: SlotHost,
): Promise<Buffer | undefined> {
  const head = await wire.read(
    () => reader.aboutDaemon ?? reader.timeLeft,
    (time) => (time - wire.began > timeouts.head ? 'sent its request too slowly' : undefined),
    true,
  )
  if (wire.isFinishing && head === undefined) wire.dismiss() // it has sent no request yet
  if (head === undefined) return undefined
  if (typeof head === 'object')
    return answerAboutDaemon(head, { socket, reader, gone: wire.gone }, server.options)
  admit()
  const headAt = wire.receivedAt
  let hasAcknowledged = false
  const keepAlive = {
    get after() {
      return hasAcknowledged ? timeouts.heartbeatAfter : timeouts.acknowledgeAfter
    },
    next() {
      const bytes = hasAcknowledged ? heartbeat : acknowledgement
      hasAcknowledged = true
      return bytes
    },
  }
  const answer = async () => {
    if (reader.request === undefined) wire.send(keepAlive.next()) // the client may wait for it before it sends more
    const sendWithin = Math.min(head + timeouts.beyondTimeLeft, timeouts.sending)
    const request = await wire.read(
      () => reader.request,
      (time) => {
        if (time - wire.receivedAt > timeouts.silence) return 'stopped responding'
        return time - headAt > sendWithin ? 'took too long to send' : undefined
      },
    )
    if (request === undefined) return undefined
    return server.answer(socket, request, wire.gone, () => wire.now() - wire.began)
  }
  const frames = await wire.during(answer(), keepAlive)
  return frames && (hasAcknowledged ? frames : Buffer.concat([acknowledgement, frames]))
}
