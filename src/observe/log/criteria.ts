import type { LogRecord } from './log-record.ts'
import { createNeedle, type Needle } from './needle.ts'

/**
 * Which entries are wanted; undefined means any. Texts are parts of what they are compared with.
 */
export interface LogCriteria {
  /** Message-ID, the MTA's name for the message, or a part of either. */
  readonly id: string | undefined
  readonly from: string | undefined
  readonly to: string | undefined
  readonly virus: string | undefined
  readonly decision: string | undefined
  /** Milliseconds since 1970. */
  readonly since: number | undefined
  readonly until: number | undefined
}

/** Whether an entry is about a message and what is asked for. Letter case counts for ids alone. */
export function matcherFor(criteria: LogCriteria): (entry: LogRecord) => boolean {
  const { id, since, until, decision } = criteria
  const [from, to, virus] = [criteria.from, criteria.to, criteria.virus].map((text) =>
    text === undefined ? undefined : lowerCase(text),
  )
  const has = (value: string | undefined, part: string) =>
    value !== undefined && lowerCase(value).includes(part)
  return ({ time, fields, recipients }) => {
    if (since !== undefined && !(time >= since)) return false
    if (until !== undefined && !(time < until)) return false
    if (!fields.has('decision') && !fields.has('quarantined')) return false
    if (decision !== undefined && fields.get('decision') !== decision) return false
    if (id !== undefined && !fields.get('msgid')?.includes(id) && fields.get('queue') !== id) {
      return false
    }
    if (from !== undefined && !has(fields.get('from'), from)) return false
    if (to !== undefined && !has(fields.get('to'), to)) {
      if (!recipients.some((recipient) => has(recipient, to))) return false
    }
    const found = fields.get('virus') ?? fields.get('banned')
    return virus === undefined || has(found, virus)
  }
}

/**
 * Text that stands in every wanted line, however the line was written and passed on: the longest
 * run of characters that nobody escapes, of all texts that must be in it. Undefined if there is
 * none, so that any line may be wanted.
 */
export function needleOf({ id, from, to, virus }: LogCriteria): Needle | undefined {
  const runs = [id, from, to, virus].flatMap((text) => text?.match(/[!#-[\]-~]+/g) ?? [])
  const longest = runs.reduce((best, run) => (run.length > best.length ? run : best), '')
  return longest === '' ? undefined : createNeedle(longest)
}

/**
 * In small letters, but for the two beyond ASCII whose small ones are ASCII (K for kelvin, and I
 * with a dot): what `needleOf` looks for must be in the bytes.
 */
function lowerCase(text: string): string {
  return text.replace(/[^\u212a\u0130]+/g, (run) => run.toLowerCase())
}
