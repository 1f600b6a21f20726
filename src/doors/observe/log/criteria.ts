import type { LogRecord } from './log-record.ts'

/**
 * The records of a log that somebody looks for. Undefined allows any value; a text allows each
 * value that contains it.
 */
export interface LogCriteria {
  /** A part of the Message-ID, or the MTA's whole name for the message. */
  readonly id: string | undefined
  readonly from: string | undefined
  readonly to: string | undefined
  readonly virus: string | undefined
  readonly decision: string | undefined
  /** Milliseconds since 1970. */
  readonly since: number | undefined
  readonly until: number | undefined
}

/**
 * Returns a function that tells whether a record is about a message and meets the criteria. The
 * case of letters counts for ids alone.
 */
export function matcherFor(criteria: LogCriteria): (record: LogRecord) => boolean {
  const { id, since, until, decision } = criteria
  const [from, to, virus] = [criteria.from, criteria.to, criteria.virus].map((text) =>
    text?.toLowerCase(),
  )
  const has = (value: string | undefined, part: string) =>
    value?.toLowerCase().includes(part) === true
  return ({ time, fields, recipients }) => {
    if (since !== undefined && !(time >= since)) return false
    if (until !== undefined && !(time < until)) return false
    const isAboutMail = ['decision', 'quarantined', 'answered'].some((key) => fields.has(key))
    if (!isAboutMail) return false
    if (decision !== undefined && fields.get('decision') !== decision) return false
    if (id !== undefined && !fields.get('msgid')?.includes(id) && fields.get('queue') !== id) {
      return false
    }
    if (from !== undefined && !has(fields.get('from'), from)) return false
    if (to !== undefined && !has(fields.get('to'), to)) {
      if (!recipients.some((recipient) => has(recipient, to))) return false
    }
    const name = fields.get('virus') ?? fields.get('banned')
    return virus === undefined || has(name, virus)
  }
}

/**
 * Returns an expression that every matching line matches, however the line was written and passed
 * on: of all texts that the criteria demand, the longest run of characters that are never escaped.
 */
export function prefilterFor({ id, from, to, virus }: LogCriteria): RegExp {
  const runs = [id, from, to, virus].flatMap((text) => text?.match(/[!#-[\]-~]+/g) ?? [])
  const longest = runs.reduce((best, run) => (run.length > best.length ? run : best), '')
  return new RegExp(longest.replace(/[.*+?^${}()|[\]]/g, '\\$&'), 'i')
}
