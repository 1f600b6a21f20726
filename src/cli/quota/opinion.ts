/** What a service or onescand says about a mailbox. Sizes are in bytes, times in milliseconds. */
export interface Opinion {
  readonly answer: 'room' | 'full' | 'no-such-user' | 'unknown'
  readonly why?: string | undefined
  /** The mailbox itself: for an address with an extension, the part before that. */
  readonly mailbox?: string | undefined
  /** The backend that said it. */
  readonly source?: string | undefined
  readonly size?: number | undefined
  /** Undefined: unlimited, or not known. */
  readonly quota?: number | undefined
  /** For a remembered answer: how old it is, and how long it still holds. */
  readonly age?: number | undefined
  readonly left?: number | undefined
}

const words = {
  room: 'there is room',
  full: 'over quota',
  'no-such-user': 'no such user',
  unknown: 'could not tell',
} as const

/** One line for a person. */
export function opinionText(opinion: Opinion): string {
  const { answer, why, mailbox, source, size, quota, age, left } = opinion
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
