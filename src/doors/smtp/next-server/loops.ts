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

/** The means by which a loop watch asks its question. */
export interface LoopQuestions {
  readonly lmtp: boolean
  /** Resolves to a new connection to the next server, which has greeted. */
  callNext(): Promise<NextServer>
  complain(line: string): void
  /** Milliseconds on a clock that never goes back. */
  uptime(): number
}

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
export class LoopWatch {
  readonly #means: LoopQuestions
  /** The commands whose answers are awaited, one for each session. */
  readonly #awaited = new Set<Buffer>()
  readonly #underWay = new Map<string, AbortSignal>()
  #name = ''
  #askedAt = Number.NEGATIVE_INFINITY
  #foundAt = Number.NEGATIVE_INFINITY

  constructor(means: LoopQuestions) {
    this.#means = means
  }

  /** Whether mail would go round. */
  get isFound(): boolean {
    return this.#counts(this.#foundAt)
  }

  /** Whether a command is the door's own question, which has come round; if so, a loop is found. */
  isOwnQuestion(line: Buffer): boolean {
    if (!this.#counts(this.#askedAt) || !line.includes(this.#name)) return false
    if (!this.isFound) {
      this.#means.complain(
        'the next server leads back to this filter: mail would go round, and is deferred',
      )
    }
    this.#foundAt = this.#means.uptime()
    return true
  }

  /**
   * Waits for the next server's answer to a command, and asks the question if several sessions
   * wait for the answer to the same command. `path` is that of RCPT.
   */
  async whileWaiting<Value>(
    command: Buffer,
    wait: () => Promise<Value>,
    path?: Buffer,
  ): Promise<Value> {
    this.#awaited.add(command)
    const same = [...this.#awaited].filter((other) => other.equals(command))
    if (same.length >= SUSPICIOUS && !this.#counts(this.#askedAt)) void this.#ask(path)
    try {
      return await wait()
    } finally {
      this.#awaited.delete(command)
    }
  }

  /**
   * Notes that a message is received, by the commands that announced it. Returns what must be
   * called at its end, or undefined if a message with the same commands is on its way for a client
   * that still waits.
   */
  begin(commands: Iterable<Buffer>, gone: AbortSignal): (() => void) | undefined {
    const key = digestOf(commands)
    if (this.#underWay.get(key)?.aborted === false) return undefined
    this.#underWay.set(key, gone)
    return () => {
      if (this.#underWay.get(key) === gone) this.#underWay.delete(key)
    }
  }

  /** Asks the question. If anything fails, there is no answer; never rejects. */
  async #ask(path: Buffer | undefined): Promise<void> {
    const { lmtp, callNext, uptime } = this.#means
    this.#askedAt = uptime()
    this.#name = `onescan-loop-${randomBytes(16).toString('hex')}`
    const envelope = [`MAIL FROM:<${this.#name}@localhost>`, path && Buffer.concat([RCPT, path])]
    const next = await callNext().catch(() => undefined)
    try {
      await next?.ask(`${lmtp ? 'LHLO' : 'HELO'} ${this.#name}.invalid`)
      for (const line of envelope) if (line && !this.isFound) await next?.ask(line)
      await next?.ask('QUIT')
    } catch {
      // A session that needs the next server will tell why it fails.
    } finally {
      next?.close()
    }
  }

  #counts(since: number): boolean {
    return this.#means.uptime() - since <= ANSWER_FOR
  }
}

/** Returns a digest instead of the lines themselves, for there may be 50,000 recipients. */
function digestOf(lines: Iterable<Buffer>): string {
  const hash = createHash('sha256')
  for (const line of lines) hash.update(line).update('\n')
  return hash.digest('latin1')
}
