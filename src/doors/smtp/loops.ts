import { createHash, randomBytes } from 'node:crypto'
import type { NextServer } from './next-server.ts'

/**
 * Sessions that wait for an answer to the same command at once: one of them may be the cause of the
 * next.
 */
const SUSPICIOUS = 3
/** Milliseconds between two questions, and for which an answer counts. */
const ANSWER_FOR = 60_000
const RCPT = Buffer.from('RCPT TO:')

/**
 * Watches for a next server that leads back to the door, as Postfix does if its second smtpd has
 * `smtpd_proxy_filter`, too. Each session then opens another one before there is any content, until
 * no connection is left, and no Received field shows the loop. Much mail of one sender looks the
 * same, so the door asks. It opens a connection of its own, and greets and says MAIL with a name
 * that it has made for this question, and RCPT, at which Postfix opens its next session, but never
 * DATA. If that name comes to the door while the question counts, there is a loop; nothing else is
 * taken for one. Somebody who has read the name in a log cannot use it later, because the next
 * question has another name.
 */
export interface LoopWatch {
  /** Whether mail would go round. */
  readonly found: boolean
  /** Whether a command is the door's own question, which has come round; if so, a loop is found. */
  isOwnQuestion(line: Buffer): boolean
  /**
   * Waits for the next server's answer to a command, and asks the question if several sessions
   * wait for the answer to the same command. `path` is that of RCPT.
   */
  whileWaiting<Value>(command: Buffer, wait: () => Promise<Value>, path?: Buffer): Promise<Value>
  /**
   * Notes that a message is received, by the commands that announced it. Returns what must be
   * called at its end, or undefined if a message with the same commands is on its way for a client
   * that still waits.
   */
  begin(commands: Iterable<Buffer>, gone: AbortSignal): (() => void) | undefined
}

/** The means by which a loop watch asks its question. */
export interface LoopQuestions {
  readonly lmtp: boolean
  /** Resolves to a new connection to the next server, which has greeted. */
  callNext(): Promise<NextServer>
  complain(line: string): void
  /** Milliseconds on a clock that never goes back. */
  uptime(): number
}

export function createLoopWatch({ lmtp, callNext, complain, uptime }: LoopQuestions): LoopWatch {
  let name: string | undefined
  const waiting = new Map<string, number>()
  const underWay = new Map<string, AbortSignal>()
  let askedAt = Number.NEGATIVE_INFINITY
  let foundAt = Number.NEGATIVE_INFINITY

  /** Asks the question. If anything fails, there is no answer; never rejects. */
  async function ask(path: Buffer | undefined): Promise<void> {
    askedAt = uptime()
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
      // A session that needs the next server will tell why it fails.
    } finally {
      next?.close()
    }
  }

  function* question(name: string, path?: Buffer): Generator<string | Buffer> {
    yield `${lmtp ? 'LHLO' : 'HELO'} ${name}.invalid`
    yield `MAIL FROM:<${name}@localhost>`
    if (path !== undefined) yield Buffer.concat([RCPT, path])
  }

  const counts = (since: number) => uptime() - since <= ANSWER_FOR
  const isFound = () => counts(foundAt)

  function find(): void {
    if (!isFound()) {
      complain('the next server leads back to this place: mail would go round, and is deferred')
    }
    foundAt = uptime()
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
    async whileWaiting(command, wait, path) {
      const key = command.toString('latin1')
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
    begin(commands, gone) {
      const key = digestOf(commands)
      const before = underWay.get(key)
      if (before !== undefined && !before.aborted) return undefined
      underWay.set(key, gone)
      return () => {
        if (underWay.get(key) === gone) underWay.delete(key)
      }
    },
  }
}

/** Returns a digest instead of the lines themselves, for there may be 50,000 recipients. */
function digestOf(lines: Iterable<Buffer>): string {
  const hash = createHash('sha256')
  for (const line of lines) hash.update(line).update('\n')
  return hash.digest('latin1')
}
