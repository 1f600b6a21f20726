import { formatDuration, formatSize } from '../../../base/text/units.ts'
import { formatTime } from '../../log/describe-record.ts'
import type { NameCount, Summary } from './tally.ts'

/** Makes text of strangers harmless where it is shown. */
type Sanitize = (text: string) => string

/** Formats the report as text, in sections of lines. */
export function formatReport(summary: Summary, sanitize: Sanitize): string {
  const sections: [string, string[]][] = [
    ['Decisions', counts(summary.decisions, summary.messages)],
    ['By day', describeDays(summary, sanitize)],
    ['Scans', describeScans(summary)],
    ['Found', names(summary.viruses, sanitize)],
    ['Reasons for refusing, quarantining or tagging', names(summary.grounds, sanitize)],
    ['Reasons for deferring', names(summary.deferrals, sanitize)],
    ['Reasons for scans without onescand', names(summary.wentStandalone, sanitize)],
    ['Over quota', names(summary.overQuota, sanitize)],
    ['Before the greeting', names(summary.greetings, sanitize)],
    ['Slowest scans', describeSlowest(summary, sanitize)],
  ]
  const shown = sections.filter(([, lines]) => lines.length > 0)
  const text = shown.map(([title, lines]) => `\n${title}\n${lines.join('\n')}\n`)
  return `${heading(summary)}\n${text.join('')}`
}

/** Returns a line for each counted word, with its share of the whole. */
function counts(counted: Readonly<Record<string, number>>, whole: number): string[] {
  return Object.entries(counted)
    .filter(([, count]) => count > 0)
    .map(([word, count]) => {
      const share = formatShare(count, whole).padStart(6)
      return `  ${word.padEnd(10)} ${formatNumber(count).padStart(10)} ${share}`
    })
}

/** What a line about a day has, each with its words. */
const ACTS = [['reject', 'refused'], ['quarantine', 'quarantined'], ['discard', 'dropped'], ['defer', 'deferred']] as const // biome-ignore format: a line

function describeDays({ days }: Summary, sanitize: Sanitize): string[] {
  const hosts = Math.max(...days.map(({ host }) => Math.min(20, host.length)), 0)
  return days.map(({ start, host, messages, decisions, scanTime }) => {
    const words = [
      ...ACTS.map(([act, done]) => decisions[act] > 0 && `${formatNumber(decisions[act])} ${done}`),
      scanTime.count > 0 &&
        `scan ${formatDuration(scanTime.p50)}, 95 % in ${formatDuration(scanTime.p95)}`,
    ].filter(Boolean)
    const name = `${formatLocalDay(start).padEnd(10)} ${sanitize(host).slice(0, 20).padEnd(hosts)}`
    return `  ${name} ${formatNumber(messages).padStart(10)}  ${words.join(', ')}`.trimEnd()
  })
}

function describeScans(summary: Summary): string[] {
  const { scans, scanTime } = summary
  const all = Object.values(scans).reduce((sum, count) => sum + count, 0)
  const lines = counts(scans, all)
  if (scanTime.count > 0) {
    const { p50, p95, p99, max } = scanTime
    const times = [p50, p95, p99, max].map((time) => formatDuration(time))
    lines.push(`  median ${times[0]}, 95 % in ${times[1]}, 99 % in ${times[2]}, all in ${times[3]}`)
  }
  const spared = describeSpared(summary)
  return spared === '' ? lines : [...lines, `  ${spared}`]
}

function names(counted: readonly NameCount[], sanitize: Sanitize): string[] {
  return counted.map(({ name, count }) => `  ${formatNumber(count).padStart(10)} ${sanitize(name)}`)
}

function describeSlowest({ slowest }: Summary, sanitize: Sanitize): string[] {
  return slowest.map(({ milliseconds, time, host, id, from, size }) => {
    const when = [formatTime(time ?? Number.NaN), sanitize(host)].filter(Boolean).join(' ')
    const mail = [
      size > 0 && formatSize(size),
      from && `from ${sanitize(from)}`,
      id && `id ${sanitize(id)}`,
    ]
    return `  ${formatDuration(milliseconds).padStart(10)} ${when} ${mail.filter(Boolean).join(' ')}`
  })
}

/** Writes a day by local time as `2026-11-20`. */
function formatLocalDay(start: number | null): string {
  return start === null ? 'no time' : formatTime(start).slice(0, '2026-11-20'.length)
}

/** Writes a number as `12,345`. */
function formatNumber(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',')
}

/** Returns a share as `12.3 %`, or '' if the whole is 0. */
function formatShare(part: number, whole: number): string {
  if (whole === 0) return ''
  const share = (100 * part) / whole
  return `${share > 0 && share < 10 ? share.toFixed(1) : Math.round(share)} %`
}

/** Writes the title of the report. */
function heading({ first, last, messages }: Summary): string {
  const days = first === null ? '' : ` from ${formatLocalDay(first)} to ${formatLocalDay(last)}`
  return `onescan: ${formatNumber(messages)} messages${days}`
}

/** Returns a sentence about the scans that stamps and cached verdicts avoided, or '' if there are none. */
function describeSpared({ spared, scans }: Summary): string {
  const { stamps, verdicts, mean, milliseconds } = spared
  if (stamps + verdicts === 0) return ''
  const scanned = scans.clean + scans.infected + scans.unknown
  const by = [
    stamps > 0 && `stamps ${formatNumber(stamps)}`,
    verdicts > 0 && `cached verdicts ${formatNumber(verdicts)}`,
  ].filter(Boolean)
  const time =
    milliseconds > 0 ? `, at ${formatDuration(mean)} each ${formatDuration(milliseconds)}` : ''
  const share = formatShare(stamps + verdicts, stamps + verdicts + scanned)
  return `${by.join(' and ')} saved ${share} of all scans${time}`
}
