import type { Summary } from './summary.ts'

/** Writes a duration as "3 d 4 h", "12 min", "4.2 s" or "12 ms". */
export function formatDuration(milliseconds: number): string {
  const minutes = Math.round(milliseconds / 60_000)
  if (minutes >= 2 * 24 * 60) {
    const hours = Math.round(minutes / 60)
    return `${Math.floor(hours / 24)} d ${hours % 24} h`
  }
  if (minutes >= 120) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`
  if (minutes >= 2) return `${minutes} min`
  return milliseconds >= 1000 ? `${(milliseconds / 1000).toFixed(1)} s` : `${milliseconds} ms`
}

/** Writes a day by local time as `2026-11-20`. */
export function formatDay(start: number | null): string {
  if (start === null) return 'no time'
  const date = new Date(start)
  const two = (number: number) => String(number).padStart(2, '0')
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
}

/** Writes a number as `12,345`. */
export function formatNumber(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',')
}

/** Writes a share as `12.3 %`; '' if the whole is 0. */
export function formatShare(part: number, whole: number): string {
  if (whole === 0) return ''
  const share = (100 * part) / whole
  return `${share > 0 && share < 10 ? share.toFixed(1) : Math.round(share)} %`
}

/** Writes the title of the report. */
export function heading({ first, last, messages }: Summary): string {
  const days = first === null ? '' : ` from ${formatDay(first)} to ${formatDay(last)}`
  return `onescan: ${formatNumber(messages)} messages${days}`
}

/** Says in a sentence what stamps and remembered verdicts spared; '' if that is nothing. */
export function describeSpared({ spared, scans }: Summary): string {
  const { stamps, verdicts, mean, milliseconds } = spared
  if (stamps + verdicts === 0) return ''
  const made = scans.clean + scans.infected + scans.unknown
  const by = [
    stamps > 0 && `stamps ${formatNumber(stamps)}`,
    verdicts > 0 && `remembered verdicts ${formatNumber(verdicts)}`,
  ].filter(Boolean)
  const time = milliseconds > 0 ? `, at ${mean} ms each ${formatDuration(milliseconds)}` : ''
  const share = formatShare(stamps + verdicts, stamps + verdicts + made)
  return `${by.join(' and ')} saved ${share} of all scans${time}`
}
