import { attempt } from '../../base/errors/fault.ts'
import type { PathHandle } from '../../base/path/path-handle.ts'
import { parseLogLine } from '../log/parsed-line.ts'
import { QUARANTINE_LOG } from './note-action.ts'

/** What a person did with a message. */
export interface Act {
  readonly at: string
  /** The person of a token, or the user of a command. */
  readonly person: string
  readonly act: 'released' | 'deleted' | 'allowed' | 'disallowed' | 'downloaded'
  /** The first recipient of a release, and the number of all. */
  readonly recipients?: readonly string[]
  readonly recipientCount?: number
  /** Of which kind an exception is. */
  readonly for?: string
}

/** Bytes of the end of the log that are read: some 30,000 acts. */
const LOG_MAX = 8 * 1024 * 1024
const LINE = /^onescan: quarantine=(release|delete|allow|disallow|download) kept=(\S+) .*$/gm
const acts: Readonly<Record<string, Act['act']>> = {
  release: 'released',
  delete: 'deleted',
  allow: 'allowed',
  disallow: 'disallowed',
  download: 'downloaded',
}

/** The acts that are noted in the log of a quarantine. */
export class NotedActs {
  readonly #lines = new Map<string, { readonly act: Act['act']; readonly line: string }[]>()

  private constructor(text: string) {
    for (const { 0: line, 1: word = '', 2: id = '' } of text.matchAll(LINE))
      this.#lines.set(id, [...(this.#lines.get(id) ?? []), { act: acts[word]!, line }])
  }

  /** Reads the log. Without one that can be read, nothing was done. */
  static read(root: PathHandle): NotedActs {
    const end = attempt(() => root.with(QUARANTINE_LOG, (file) => file.readEnd(LOG_MAX)))
    return new NotedActs(end?.toString('latin1') ?? '')
  }

  /** Returns what was done with a message, the last act at the end. */
  of(id: string): Act[] {
    return (this.#lines.get(id) ?? []).map(({ act, line }) => {
      const { time, fields } = parseLogLine(line, 0)!
      const recipient = fields.get('to')?.slice(1, -1)
      return {
        at: new Date(Number.isNaN(time) ? 0 : time).toISOString(),
        person: personIn(fields.get('who') ?? ''),
        act,
        ...(act === 'released' &&
          recipient !== undefined && {
            recipients: [recipient],
            recipientCount: Number(fields.get('rcpts')),
          }),
        ...(fields.has('for') && { for: fields.get('for')! }),
      }
    })
  }
}

/** Returns the person who acted: one of a token has an address behind the name. */
export const personIn = (who: string): string => who.replace(/@[^@]*$/, '')
