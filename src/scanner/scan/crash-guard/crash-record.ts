import { readFileSync, writeSync } from 'node:fs'
import { attempt } from '../../../base/errors/fault.ts'

/** The length of a fingerprint: SHA-256 in base64url. */
const FINGERPRINT = 43
/** Bytes of an entry: what is done with the message, and its fingerprint. */
const ENTRY_LENGTH = 1 + FINGERPRINT
/** The first byte of an entry. */
const doing = { judging: 'j', scanning: 's', 'scanning alone': 'a' } as const
/** Overwrites an entry that has ended. */
const OVER = Buffer.alloc(1)

/** The messages that a process was judging when it ended. */
interface MessagesAtCrash {
  /** The number of messages that it was judging, including those being scanned. */
  readonly judged: number
  /** `isLone`: as of a GatedScan. */
  readonly scanned: readonly { readonly fingerprint: string; readonly isLone: boolean }[]
}

/**
 * A file with the number of messages that a process is judging, and the fingerprints of those being scanned.
 * If the process dies, perhaps because of one of these messages, the first process reads the file. A message
 * to the first process would wait for the event loop, which a mail may block indefinitely. A write takes some
 * microseconds. An entry that cannot be written is lost: mail does not wait for it.
 */
export class CrashRecord {
  readonly #fd: number
  readonly #free: number[] = []
  #entries = 0

  constructor(fd: number) {
    this.#fd = fd
  }

  /** Notes that a message is judged now. The returned function must be called when that has ended. */
  beginJudging(): () => void {
    return this.#begin('judging', '-'.repeat(FINGERPRINT))
  }

  /** Notes that the scan of a message begins. The returned function must be called when it has ended. */
  beginScan(fingerprint: string, isLone: boolean): () => void {
    return this.#begin(isLone ? 'scanning alone' : 'scanning', fingerprint)
  }

  #begin(act: keyof typeof doing, fingerprint: string): () => void {
    const index = this.#free.pop() ?? this.#entries++
    this.#write(Buffer.from(`${doing[act]}${fingerprint}`, 'latin1'), index)
    return () => {
      this.#write(OVER, index)
      this.#free.push(index)
    }
  }

  /** Returns the messages in progress of a process that has ended. */
  static read(fd: number): MessagesAtCrash {
    const text = readFileSync(fd, 'latin1')
    const entries = Array.from({ length: text.length / ENTRY_LENGTH }, (_, n) => ({
      first: text[n * ENTRY_LENGTH],
      fingerprint: text.slice(n * ENTRY_LENGTH + 1, (n + 1) * ENTRY_LENGTH),
    }))
    const scans: readonly (string | undefined)[] = [doing.scanning, doing['scanning alone']]
    return {
      judged: entries.filter(({ first }) => first === doing.judging).length,
      scanned: entries
        .filter(({ first }) => scans.includes(first))
        .map(({ first, fingerprint }) => ({
          fingerprint,
          isLone: first === doing['scanning alone'],
        })),
    }
  }

  #write(bytes: Buffer, index: number): void {
    // Memory may be full.
    attempt(() => writeSync(this.#fd, bytes, 0, bytes.length, index * ENTRY_LENGTH))
  }
}
