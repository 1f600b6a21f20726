import { formatSize, formatTime, type TerminalColours } from '../log/describe-record.ts'
import {
  describeSpared,
  formatCount,
  formatDay,
  formatDuration,
  formatNumber,
  formatShare,
  heading,
} from './format.ts'
import type { NameCount, Summary } from './summary.ts'

export interface TerminalOptions {
  readonly paint: TerminalColours
  /** The width in columns. */
  readonly width: number
  /** Whether the terminal shows more than ASCII. */
  readonly blocks: boolean
  /** Makes text of strangers harmless. */
  readonly clean: (text: string) => string
}

const BAR = 24
const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉']

/** Formats the report for a terminal or a mail, in sections of lines with small bars. */
export function formatText(summary: Summary, form: TerminalOptions): string {
  const { paint } = form
  const sections: [string, string[]][] = [
    ['What became of mail', decisions(summary, form)],
    ['By day', days(summary, form)],
    ['Scans', scans(summary, form)],
    ['Found', bars(summary.viruses, form)],
    ['Deferred for', bars(summary.deferrals, form)],
    ['Went cold for', bars(summary.wentCold, form)],
    ['Over quota', bars(summary.overQuota, form)],
    ['Before the greeting', bars(summary.greetings, form)],
    ['Slowest scans', slowest(summary, form)],
  ]
  const shown = sections.filter(([, lines]) => lines.length > 0)
  const text = shown.map(([title, lines]) => `\n${paint.faint(title)}\n${lines.join('\n')}\n`)
  return `${heading(summary)}\n${text.join('')}`
}

function decisions({ decisions, messages }: Summary, form: TerminalOptions): string[] {
  const painters = { accept: form.paint.good, reject: form.paint.bad, discard: form.paint.bad }
  return Object.entries(decisions)
    .filter(([, count]) => count > 0)
    .map(([word, count]) => {
      const paint = painters[word as keyof typeof painters] ?? form.paint.odd
      return barLine(word, count, messages, form, paint)
    })
}

function days({ days }: Summary, form: TerminalOptions): string[] {
  const most = Math.max(...days.map(({ messages }) => messages), 0)
  const hosts = Math.max(...days.map(({ host }) => Math.min(20, host.length)), 0)
  return days.map(({ start, host, messages, decisions, scanTime }) => {
    const keptOut = decisions.reject + decisions.discard + decisions.quarantine
    const words = [
      keptOut > 0 && `${formatNumber(keptOut)} kept out`,
      decisions.defer > 0 && `${formatNumber(decisions.defer)} deferred`,
      scanTime.count > 0 && `scan ${scanTime.p50} ms, 95 % in ${scanTime.p95} ms`,
    ].filter(Boolean)
    const name = `${formatDay(start).padEnd(10)} ${form.clean(host).slice(0, 20).padEnd(hosts)}`
    const count = formatNumber(messages).padStart(10)
    return `  ${name} ${count} ${bar(messages, most, form, BAR / 2)} ${words.join(', ')}`.trimEnd()
  })
}

function scans(summary: Summary, form: TerminalOptions): string[] {
  const { scans, scanTime } = summary
  const all = Object.values(scans).reduce((sum, count) => sum + count, 0)
  const lines = Object.entries(scans)
    .filter(([, count]) => count > 0)
    .map(([word, count]) => barLine(word, count, all, form, form.paint.good))
  if (scanTime.count > 0) {
    const { p50, p95, p99, max } = scanTime
    const times = [p50, p95, p99, max].map((time) => formatDuration(time))
    lines.push(
      `  half of them in ${times[0]}, 95 % in ${times[1]}, 99 % in ${times[2]}, all in ${times[3]}`,
    )
  }
  const spared = describeSpared(summary)
  return spared === '' ? lines : [...lines, `  ${spared}`]
}

function bars(counted: readonly NameCount[], form: TerminalOptions): string[] {
  const most = Math.max(...counted.map(({ count }) => count), 0)
  const counts = counted.map(formatCount)
  const wide = Math.max(10, ...counts.map((count) => count.length))
  return counted.map(({ name, count }, index) => {
    const room = Math.max(20, form.width - BAR - 6 - wide)
    const text = form.clean(name)
    const shown = text.length > room ? `${text.slice(0, room - 3)}...` : text
    return `  ${counts[index]!.padStart(wide)} ${bar(count, most, form, BAR)} ${shown}`
  })
}

function barLine(
  word: string,
  count: number,
  whole: number,
  form: TerminalOptions,
  paint: (text: string) => string,
): string {
  const share = formatShare(count, whole).padStart(6)
  return `  ${word.padEnd(10)} ${formatNumber(count).padStart(10)} ${share} ${paint(bar(count, whole, form, BAR).trimEnd())}`
}

/** Draws a bar of `count` beside `most`, in eighths of a character if the terminal has them. */
function bar(count: number, most: number, { blocks }: TerminalOptions, width: number): string {
  const length = most === 0 ? 0 : (width * count) / most
  if (!blocks) return '#'.repeat(Math.ceil(length)).padEnd(width)
  const eighths = Math.max(count > 0 ? 1 : 0, Math.round(length * 8))
  return `${'█'.repeat(eighths >> 3)}${EIGHTHS[eighths & 7]}`.padEnd(width)
}

function slowest({ slowest }: Summary, { clean }: TerminalOptions): string[] {
  return slowest.map(({ milliseconds, time, host, id, from, size }) => {
    const when = [formatTime(time ?? Number.NaN), clean(host)].filter(Boolean).join(' ')
    const mail = [size > 0 && formatSize(size), from && `from ${clean(from)}`, id && `id ${clean(id)}`] // biome-ignore format: parts of a line
    return `  ${formatDuration(milliseconds).padStart(10)} ${when} ${mail.filter(Boolean).join(' ')}`
  })
}
