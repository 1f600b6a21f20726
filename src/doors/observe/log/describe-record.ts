import type { LogRecord } from './log-record.ts'

/** The colours of words on a terminal. */
interface TerminalColours {
  good(text: string): string
  bad(text: string): string
  odd(text: string): string
  faint(text: string): string
}

const sgr = (code: string) => (text: string) => `\x1b[${code}m${text}\x1b[0m`
const asItIs = (text: string) => text

export const colours: TerminalColours = {
  good: sgr('32'),
  bad: sgr('1;31'),
  odd: sgr('33'),
  faint: sgr('2'),
}
export const noColours: TerminalColours = { good: asItIs, bad: asItIs, odd: asItIs, faint: asItIs }

/**
 * Describes a message in one line for people. `clean` makes text of strangers harmless.
 *
 *     2026-11-20 18:26:25 mx1 accept  clean by clamd, 4.1 KB from <a@b> to <c@d> +2, id <m@x>, 12 ms
 */
export function describeRecord(
  record: LogRecord,
  paint: TerminalColours,
  clean: (text: string) => string,
): string {
  const { fields, recipients, host } = record
  const value = (key: string) => clean(fields.get(key) ?? '')
  const decision = value('decision') || 'recipients'
  const when = paint.faint([formatTime(record.time), clean(host)].filter(Boolean).join(' '))
  const painter = painterFor(decision, fields.get('scan'), paint)
  if (recipients.length > 0) {
    const reply = value('reply')
    const what = reply ? `got ${reply}` : 'was for'
    return `${when} ${painter(what.padEnd(10))} ${recipients.map(clean).join(', ')}`
  }
  const parts = [
    outcome(value),
    about(value),
    value('msgid') && `id ${value('msgid')}`,
    value('queue') && `queue ${value('queue')}`,
    value('remote') && `client ${value('remote')}`,
    value('total_ms') && `${value('total_ms')} ms`,
  ]
  return `${when} ${painter(decision.padEnd(10))} ${parts.filter(Boolean).join(', ')}`
}

type ReadValue = (key: string) => string

function outcome(value: ReadValue): string {
  const scan = value('scan')
  const named = value('virus') || value('banned') || value('grounds') || value('quota')
  const by = scan === 'trusted' ? value('key') && `by key ${value('key')}` : value('scanner') && `by ${value('scanner')}` // biome-ignore format: a way out a line
  const words = [scan, named, by].filter(Boolean).join(' ')
  const fault = value('fault') && `${value('fault')} fault`
  return [words, fault, value('reason'), value('odd') && `odd: ${value('odd')}`]
    .filter(Boolean)
    .join('; ')
}

function about(value: ReadValue): string {
  const others = Number(value('rcpts')) - 1
  const more = others > 0 ? ` +${others}` : ''
  const size = value('size') && formatSize(Number(value('size')))
  const from = value('from') && `from ${value('from')}`
  const to = value('to') && `to ${value('to')}${more}`
  return [size, from, to].filter(Boolean).join(' ')
}

function painterFor(decision: string, scan: string | undefined, paint: TerminalColours) {
  if (decision === 'accept') return scan === 'infected' ? paint.odd : paint.good
  if (decision === 'pass' || decision === 'recipients') return paint.odd
  return decision === 'defer' || decision === 'quarantine' ? paint.odd : paint.bad
}

/** Writes `2026-11-20 18:26:25` in local time; '' for NaN. */
export function formatTime(time: number): string {
  if (Number.isNaN(time)) return ''
  const date = new Date(time)
  const two = (number: number) => String(number).padStart(2, '0')
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
}

/** Writes a size as "512 B", "4.1 KB" or "3.4 MB". */
export function formatSize(bytes: number): string {
  if (!(bytes >= 1000)) return `${bytes} B`
  const unit = bytes < 1e6 ? 'KB' : bytes < 1e9 ? 'MB' : 'GB'
  const scale = { KB: 1e3, MB: 1e6, GB: 1e9 }[unit]
  return `${(bytes / scale).toFixed(bytes / scale < 10 ? 1 : 0)} ${unit}`
}
