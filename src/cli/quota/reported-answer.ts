/** The answer of a service or of onescand about a mailbox. Sizes are in bytes, times in milliseconds. */
export interface ReportedAnswer {
  readonly answer: 'room' | 'full' | 'no-such-user' | 'unknown'
  readonly why?: string | undefined
  /** The mailbox itself: for an address with an extension, the part before that. */
  readonly mailbox?: string | undefined
  /** The backend that answered. */
  readonly source?: string | undefined
  readonly size?: number | undefined
  /** Undefined if the mailbox has no limit, or if it is not known. */
  readonly quota?: number | undefined
  /** The age of an answer from the cache. */
  readonly age?: number | undefined
  /** The time for which an answer from the cache still holds. */
  readonly left?: number | undefined
}

const words = {
  room: 'there is room',
  full: 'over quota',
  'no-such-user': 'no such user',
  unknown: 'could not tell',
} as const

/** The answer in one line for people. */
export function answerText(reported: ReportedAnswer): string {
  const { answer, why, mailbox, source, size, quota, age, left } = reported
  const parts: string[] = [words[answer]]
  if (why !== undefined) parts.push(why)
  if (size !== undefined) {
    const percent = quota === undefined ? '' : ` (${Math.round((100 * size) / quota)} %)`
    parts.push(`${size} of ${quota ?? 'unlimited'} bytes${percent}`)
  }
  if (mailbox !== undefined) parts.push(`as mailbox ${mailbox}`)
  if (source !== undefined) parts.push(`says ${source}`)
  if (age !== undefined) {
    parts.push(`${seconds(age)} ago, holds for ${seconds(left ?? 0)}`)
  } else if (answer !== 'unknown') {
    parts.push('just now')
  }
  return parts.join(', ')
}

function seconds(milliseconds: number): string {
  const whole = Math.round(milliseconds / 1000)
  return `${whole} second${whole === 1 ? '' : 's'}`
}
