import { logLine } from '../../../src/base/log/line-format.ts'

/** `@4000…` as multilog(8) writes it, from seconds since 1970. */
export function tai64n(seconds: number): string {
  const whole = Math.floor(seconds)
  const nano = Math.round((seconds - whole) * 1e9)
  const hex = (value: number) => value.toString(16).padStart(8, '0')
  return `@40000000${hex(whole + 10)}${hex(nano)}`
}

export interface ProcessReport {
  readonly decision?: string
  readonly id?: string
  readonly from?: string
  readonly to?: string
  readonly more?: readonly (readonly [string, string])[]
}

/** A line as the programs write it, its line end included; latin1. */
export function decisionLine({
  decision = 'accept',
  id,
  from,
  to,
  more = [],
}: ProcessReport): string {
  return logLine([
    ['decision', decision],
    ...more,
    ['msgid', id],
    ['from', from],
    ['to', to],
  ]).toString('latin1')
}
