import { Conversation, DRAIN_MAX, DRAIN_TIME, TALK_SECONDS } from '../shared/conversation.ts'
import type { ClientConnection } from './client-connection.ts'

/** Holds the conversation with a refused client (conversation.ts), in bounded time. */
export function talk(connection: ClientConnection, refusal: string, uptime: () => number): void {
  if (converse(connection, refusal, uptime) === 'over') drain(connection, uptime)
}

function converse(
  connection: ClientConnection,
  refusal: string,
  uptime: () => number,
): 'left' | 'over' {
  const until = uptime() + TALK_SECONDS * 1000
  const conversation = new Conversation(refusal)
  const say = (text: string) => text === '' || connection.write(text, until - uptime())

  if (!say(conversation.greeting)) return 'left'
  while (uptime() < until) {
    const bytes = connection.read(until - uptime())
    if (bytes === undefined) break
    if (bytes.length === 0) return 'left'
    const { text, isLast } = conversation.hear(bytes)
    if (!say(text)) return 'left'
    if (isLast) return 'over'
  }
  connection.write(conversation.closing, 0)
  return 'over'
}

function drain(connection: ClientConnection, uptime: () => number): void {
  const until = uptime() + DRAIN_TIME
  for (let dropped = 0; dropped < DRAIN_MAX; ) {
    const bytes = connection.read(until - uptime())
    if (bytes === undefined || bytes.length === 0) return
    dropped += bytes.length
  }
}
