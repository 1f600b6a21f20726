import { createHash, randomBytes } from 'node:crypto'
import type { NextServer } from './next-server.ts'
import { type RawReply, rawReply } from './wire/replies.ts'

/** The reply to mail while the next server is known to lead back here. RFC 3463: a routing loop. */
export const loopReply: RawReply = rawReply({
  code: 451,
  enhanced: '4.4.6',
  lines: ['mail goes round: the next mail server leads back to this filter'],
})

/** Sessions that wait with the same words at once: one begins to look like the cause of another. */
const SUSPICIOUS = 3
/** Milliseconds between questions, and for which an answer counts. */
const ANSWER_FOR = 60_000
const RCPT = Buffer.from('RCPT TO:')

/**
 * Watches for a next server that leads back to the door, as Postfix does if its second smtpd has
 * `smtpd_proxy_filter`, too: each session then opens another one before there is any content, until
 * no connection is left, and no Received field tells. What looks like it may also be much mail of
 * one sender; so the door asks. A connection of its own says a greeting and MAIL with a name
 * that was made for this question, and RCPT, at which Postfix opens its next session; never DATA. If
 * that name comes to the door while the question counts, there is a loop; nothing else says so.
 * Somebody who has read the name in a log cannot use it later: the next question has another.
 */
export interface LoopWatch {
  /** Whether mail would go round. */
  readonly found: boolean
  /** Whether a command is the door's own question, which has come round. */
  isOwnQuestion(line: Buffer): boolean
  /**
   * Does what waits for the next server, and asks if several wait with the same words. Those of
   * RCPT come with their path.
   */
  whileWaiting<Value>(words: Buffer, wait: () => Promise<Value>, path?: Buffer): Promise<Value>
  /**
   * Begins to take in a message, about which this was said: what must be called at its end;
   * undefined if the same one is on its way already, for a client that still waits.
   */
  begin(words: Iterable<Buffer>, gone: AbortSignal): (() => void) | undefined
}

export interface LoopQuestions {
  readonly lmtp: boolean
  /** A connection to the next server, greeted. */
  callNext(): Promise<NextServer>
  complain(line: string): void
  /** Milliseconds on a clock that never goes back. */
  now(): number
}

export function createLoopWatch({ lmtp, callNext, complain, now }: LoopQuestions): LoopWatch {
  let name: string | undefined
  const waiting = new Map<string, number>()
  const onTheirWay = new Map<string, AbortSignal>()
  let askedAt = Number.NEGATIVE_INFINITY
  let foundAt = Number.NEGATIVE_INFINITY

  /** What goes wrong is no answer. */
  async function ask(path: Buffer | undefined): Promise<void> {
    askedAt = now()
    name = `onescan-loop-${randomBytes(16).toString('hex')}`
    const lines = question(name, path)
    let next: NextServer | undefined
    try {
      next = await callNext()
      for (const line of lines) {
        if (isFound()) break
        await next.ask(line)
      }
      await next.ask('QUIT')
    } catch {
      // A session that needs it will say so.
    } finally {
      next?.close()
    }
  }

  function* question(name: string, path?: Buffer): Generator<string | Buffer> {
    yield `${lmtp ? 'LHLO' : 'HELO'} ${name}.invalid`
    yield `MAIL FROM:<${name}@localhost>`
    if (path !== undefined) yield Buffer.concat([RCPT, path])
  }

  const counts = (since: number) => now() - since <= ANSWER_FOR
  const isFound = () => counts(foundAt)

  function find(): void {
    if (!isFound()) {
      complain('the next server leads back to this place: mail would go round, and is deferred')
    }
    foundAt = now()
  }

  return {
    get found() {
      return isFound()
    },
    isOwnQuestion(line) {
      if (name === undefined || !counts(askedAt) || !line.includes(name)) return false
      find()
      return true
    },
    async whileWaiting(words, wait, path) {
      const key = words.toString('latin1')
      const count = (waiting.get(key) ?? 0) + 1
      waiting.set(key, count)
      if (count >= SUSPICIOUS && !counts(askedAt)) void ask(path)
      try {
        return await wait()
      } finally {
        const left = waiting.get(key)! - 1
        if (left > 0) waiting.set(key, left)
        else waiting.delete(key)
      }
    },
    begin(words, gone) {
      const key = digestOf(words)
      const before = onTheirWay.get(key)
      if (before !== undefined && !before.aborted) return undefined
      onTheirWay.set(key, gone)
      return () => {
        if (onTheirWay.get(key) === gone) onTheirWay.delete(key)
      }
    },
  }
}

/** Of lines: there may be 50,000 recipients. */
function digestOf(lines: Iterable<Buffer>): string {
  const hash = createHash('sha256')
  for (const line of lines) hash.update(line).update('\n')
  return hash.digest('latin1')
}
