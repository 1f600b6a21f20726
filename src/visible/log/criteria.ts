import type { Entry } from './entries.ts'

/** What is asked for; undefined asks for nothing. Texts are parts of what they are compared with. */
export interface Criteria {
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
export function wantedBy(criteria: Criteria): (entry: Entry) => boolean {
  const { id, since, until, decision } = criteria
  const [from, to, virus] = [criteria.from, criteria.to, criteria.virus].map((each) =>
    each?.toLowerCase(),
  )
  const has = (value: string | undefined, part: string) =>
    value?.toLowerCase().includes(part) === true
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
 * Bytes that stand in every line with that id, however the line was written and passed on:
 * the longest run of characters that nobody escapes.
 */
export function needleOf({ id }: Criteria): Buffer | undefined {
  if (id === undefined) return undefined
  const runs = id.match(/[!#-[\]-~]+/g) ?? []
  const longest = runs.reduce((best, run) => (run.length > best.length ? run : best), '')
  return longest === '' ? undefined : Buffer.from(longest)
}
