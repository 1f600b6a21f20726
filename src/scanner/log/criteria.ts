import { parseDuration } from '../../base/text/units.ts'
import type { LogRecord } from './parsed-line.ts'

/**
 * The search criteria for log records. Undefined matches any value. A text matches each value that contains
 * it.
 */
interface LogCriteria {
  /** A part of the Message-ID, or the MTA's whole name for the message. */
  readonly id: string | undefined
  readonly from: string | undefined
  readonly to: string | undefined
  readonly virus: string | undefined
  /** Whether something was found in the message, whatever the decision was. */
  readonly infected: boolean | undefined
  /** A decision as in the log, or `tag` for mail that was accepted although something was found in it. */
  readonly decision: string | undefined
  /** Milliseconds since 1970. */
  readonly since: number | undefined
  readonly until: number | undefined
}

/**
 * Returns the query for readLogs(): a test whether a record is about a message and meets the criteria, and an
 * expression that every matching line matches. The expression does not depend on how the line was written or
 * forwarded. Only ids are case-sensitive.
 */
export function queryFor(criteria: LogCriteria): {
  prefilter: RegExp
  matches: (record: LogRecord) => boolean
} {
  return { prefilter: prefilterFor(criteria), matches: matcherFor(criteria) }
}

function matcherFor(criteria: LogCriteria): (record: LogRecord) => boolean {
  const { id, since, until, infected } = criteria
  const isTagged = criteria.decision === 'tag'
  const decision = isTagged ? 'accept' : criteria.decision
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
    if ((infected || isTagged) && !isInfected(fields)) return false
    if (decision !== undefined && !hasDecision(fields, decision)) return false
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

/** Returns whether this was decided. Mail that the next server has deferred is deferred, whatever onescan decided. */
const hasDecision = (fields: LogRecord['fields'], decision: string): boolean =>
  fields.get('decision') === decision || (decision === 'defer' && deferredByNext(fields))

/** Returns whether onescan would have passed on the message, and its sender got a temporary failure: 4xx. */
export const deferredByNext = (fields: LogRecord['fields']): boolean =>
  fields.get('decision') !== 'defer' && /^4\d\d$/.test(fields.get('reply') ?? '')

const isInfected = (fields: LogRecord['fields']) =>
  fields.has('virus') || fields.has('banned') || fields.get('scan') === 'infected'

/** Returns an expression for the longest run of never-escaped characters in the texts of the criteria. */
function prefilterFor({ id, from, to, virus }: LogCriteria): RegExp {
  const runs = [id, from, to, virus].flatMap((text) => text?.match(/[!#-[\]-~]+/g) ?? [])
  const longest = runs.reduce((best, run) => (run.length > best.length ? run : best), '')
  return new RegExp(longest.replace(/[.*+?^${}()|[\]]/g, '\\$&'), 'i')
}

/**
 * Parses a time as a person writes it: `today`, `yesterday`, `2026-11-19`, `2026-11-19 14:30`, `14:30`, or an
 * age: `90m`, `36h`, `7d`. It is local time of this host. Returns milliseconds since 1970. Throws an error
 * that names `option` for anything else.
 */
export function parseTime(option: string, words: string, now: number): number {
  const text = words.trim().toLowerCase()
  const ago = /[a-z]/.test(text) ? parseDuration(text.replace(/ ago$/, '')) : undefined
  if (ago !== undefined) return now - ago * 1000
  const day = new Date(now)
  day.setHours(0, 0, 0, 0)
  if (text === 'now') return now
  if (text === 'today') return day.getTime()
  if (text === 'yesterday') return day.setDate(day.getDate() - 1)
  const date = /^(?:(\d{4})-(\d\d)-(\d\d))?(?:(?:^|[t ])(\d\d?):(\d\d)(?::(\d\d))?)?$/.exec(text)
  if (text !== '' && date) {
    const [, year, month, dayOfMonth, hours = 0, minutes = 0, seconds = 0] = date
    if (year !== undefined) day.setFullYear(Number(year), Number(month) - 1, Number(dayOfMonth))
    const isMonth = year === undefined || day.getMonth() === Number(month) - 1
    const isDate = isMonth && (year === undefined || day.getDate() === Number(dayOfMonth))
    if (isDate && Number(hours) < 24 && Number(minutes) < 60 && Number(seconds) < 60) {
      return day.setHours(Number(hours), Number(minutes), Number(seconds))
    }
  }
  throw new Error(
    `${option} ${words}: is not a time; use yesterday, today, 2026-11-19, 2026-11-19 14:30 or 36h`,
  )
}
