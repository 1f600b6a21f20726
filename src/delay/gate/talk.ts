import type { System } from '../../ground/runtime/system.ts'
import { Conversation, DRAIN_MAX, DRAIN_TIME, TALK_SECONDS } from '../shared/conversation.ts'
import type { Visit } from './visit.ts'

const READ_MAX = 16 * 1024
/** All connections share it. Another one may read before a caller of next() goes on, which gets a copy. */
const buffer = Buffer.allocUnsafeSlow(READ_MAX)

/**
 * Holds the conversation with a refused client (conversation.ts), in bounded time. Leaves the
 * connection open.
 */
export async function talkTo(
  visit: Visit,
  refusal: string,
  sockets: System,
  uptime: () => number,
): Promise<void> {
  const until = uptime() + TALK_SECONDS * 1000
  const conversation = new Conversation(refusal)
  const say = (text: string) => text === '' || sockets.send(visit.fd, Buffer.from(text, 'latin1'))

  if (!say(conversation.greeting)) return
  for (let isLast = false; !isLast; ) {
    const bytes = await next(visit, sockets, until - uptime())
    if (bytes === 'late') {
      say(conversation.closing)
      break
    }
    if (visit.isClosed || bytes.length === 0) return
    const answer = conversation.hear(bytes)
    if (!say(answer.text)) return
    isLast = answer.isLast
  }
  sockets.endSending(visit.fd)
  await drain(visit, sockets, uptime)
}

async function drain(visit: Visit, sockets: System, uptime: () => number): Promise<void> {
  const until = uptime() + DRAIN_TIME
  for (let dropped = 0; dropped < DRAIN_MAX; ) {
    const bytes = await next(visit, sockets, until - uptime())
    if (visit.isClosed || bytes === 'late' || bytes.length === 0) return
    dropped += bytes.length
  }
}

/** Reads the next bytes of the client; none at the end of the stream or after `close`. */
async function next(visit: Visit, sockets: System, time: number): Promise<Buffer | 'late'> {
  for (;;) {
    if (visit.isClosed) return buffer.subarray(0, 0)
    const count = time > 0 ? sockets.receive(visit.fd, buffer) : undefined
    if (count !== undefined) return Buffer.from(buffer.subarray(0, count))
    if (time <= 0 || !(await visit.waitForBytes(time))) return 'late'
    if (visit.hasLeft && sockets.look(visit.fd) === 'silent') return buffer.subarray(0, 0)
  }
}
