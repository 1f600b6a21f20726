import type { Socket } from 'node:net'
import { errorText, isFault } from '../../ground/errors/fault.ts'
import type { MemoryLease } from '../../ground/flow/memory-budget.ts'
import { Late, Wire, type WireHost } from '../shared/wire.ts'
import { acknowledgement, goCold, heartbeat } from './carry-out.ts'
import { GoCold } from './go-cold.ts'
import { SlotRequestReader } from './request.ts'
import type { SlotServer } from './server.ts'

/** Milliseconds: onescan-slot(7), TIME. */
export const SILENCE_MAX = 10_000
export const HEAD_WITHIN = 10_000
export const BEYOND_TIME_LEFT = 2_000
/**
 * A client that sends a byte now and then must not hold memory for ever, however long it may take.
 */
export const SEND_WITHIN = 60_000
const ACKNOWLEDGE_AFTER = 250
const HEARTBEAT_AFTER = 600

/** What a conversation needs from the slot's door. */
interface SlotHost extends WireHost {
  readonly server: SlotServer
  /** Memory for what comes on this connection, until it is over. */
  readonly lease: MemoryLease
  /** Called once the head has come whole. Throws if there is no room for one more message. */
  admit(): void
}

/** Converses with one client, about one message. One that is dismissed goes cold. */
export function serveSlotClient(socket: Socket, host: SlotHost): Wire {
  const { server, lease } = host
  const reader = new SlotRequestReader({
    maxSize: server.maxSize,
    charge: (bytes) => lease.charge(bytes),
    openIntake: () => server.openIntake(lease),
  })
  /** The client logs what concerns its message. */
  const farewell = (why: string) => {
    server.cold('told', reader.variables)
    return goCold(why)
  }
  const wire = new Wire(
    socket,
    { push: (chunk) => reader.push(chunk), isFull: false },
    { ...host, farewell },
  )
  socket.on('finish', () => socket.destroy()) // the client has the last frame then, and sends none
  void wire.converse(async () => {
    try {
      const answer = await hearAndAnswer(wire, socket, reader, host)
      if (answer !== undefined) wire.leave(answer)
    } catch (error) {
      if (wire.hasLeft) return
      const why = errorText(error)
      const isExpected = error instanceof GoCold || error instanceof Late || isFault(error)
      if (!isExpected) server.log(why)
      wire.leave(farewell(why))
    } finally {
      const hasHead = reader.timeLeft !== undefined
      if ((wire.isLost || !wire.hasLeft) && hasHead) server.cold('left', reader.variables)
      reader.free()
      lease.close()
    }
  })
  return wire
}

/** Resolves with the answer to the client, or with undefined if it has left. */
async function hearAndAnswer(
  wire: Wire,
  socket: Socket,
  reader: SlotRequestReader,
  { server, admit }: SlotHost,
): Promise<Buffer | undefined> {
  const head = await wire.read(
    () => reader.asksToTell || reader.timeLeft,
    (time) => (time - wire.began > HEAD_WITHIN ? 'sent its question too slowly' : undefined),
    true,
  )
  if (wire.isFinishing && head === undefined) wire.dismiss() // it has asked nothing yet
  if (head === undefined) return undefined
  if (head === true) return server.told(socket, reader.wantsTrial)
  admit()
  const headAt = wire.heardAt
  let hasAcknowledged = false
  const beat = {
    get after() {
      return hasAcknowledged ? HEARTBEAT_AFTER : ACKNOWLEDGE_AFTER
    },
    next() {
      const bytes = hasAcknowledged ? heartbeat : acknowledgement
      hasAcknowledged = true
      return bytes
    },
  }
  const answer = async () => {
    if (reader.request === undefined) wire.say(beat.next()) // the client may wait for it before it sends more
    const sendWithin = Math.min(head + BEYOND_TIME_LEFT, SEND_WITHIN)
    const request = await wire.read(
      () => reader.request,
      (time) => {
        if (time - wire.heardAt > SILENCE_MAX) return 'fell silent'
        return time - headAt > sendWithin ? 'took too long to send' : undefined
      },
    )
    if (request === undefined) return undefined
    return server.answer(socket, request, wire.gone, () => wire.now() - wire.began)
  }
  const frames = await wire.during(answer(), beat)
  return frames && (hasAcknowledged ? frames : Buffer.concat([acknowledgement, frames]))
}
