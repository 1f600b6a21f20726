import { formatDuration, formatSize } from '../../base/text/units.ts'
import type { LogRecord } from './parsed-line.ts'

/** The colours of words on a terminal, as SGR codes of ECMA-48. */
const colours = { good: '32', bad: '1;31', odd: '33', faint: '2' } as const

/**
 * Describes a message in one line for people, if wanted in colours. `clean` makes text of strangers
 * harmless.
 *
 *     2026-11-20 18:26:25 mx1 accept  clean by clamd, 4.1 KB from <a@b> to <c@d> +2, id <m@x>, 12 ms
 */
export function describeRecord(
  record: LogRecord,
  isColoured: boolean,
  clean: (text: string) => string,
): string {
  const paint = (name: keyof typeof colours, text: string) =>
    isColoured ? `\x1b[${colours[name]}m${text}\x1b[0m` : text
  const { fields, recipients, host } = record
  const value = (key: string) => clean(fields.get(key) ?? '')
  const decision = value('decision') || 'recipients'
  const when = paint('faint', [formatTime(record.time), clean(host)].filter(Boolean).join(' '))
  const colour = colourOf(decision, fields.get('scan'))
  if (recipients.length > 0) {
    const reply = value('reply')
    const reached = reply === UNSENT ? reply : reply ? `got ${reply}` : 'was for'
    return `${when} ${paint(colour, reached.padEnd(10))} ${recipients.map(clean).join(', ')}`
  }
  const parts = [
    outcome(value),
    about(value),
    value('msgid') && `id ${value('msgid')}`,
    value('queue') && `queue ${value('queue')}`,
    isOfClamd(value) && 'asked as clamd',
    value('peer_uid') && `uid ${value('peer_uid')}`,
    value('remote') && `client ${value('remote')}`,
    value('total_ms') && formatDuration(Number(value('total_ms'))),
  ]
  return `${when} ${paint(colour, decision.padEnd(10))} ${parts.filter(Boolean).join(', ')}`
}

/** The reply to a client that has left. */
const UNSENT = 'unsent'

type ReadValue = (key: string) => string

/** Returns whether the client used clamd's protocol, which has neither sender nor recipients. */
const isOfClamd = (value: ReadValue) => value('interface') === 'clamd'

function outcome(value: ReadValue): string {
  const scan = value('scan')
  const named = value('virus') || value('banned') || value('grounds') || value('quota')
  const decider = scan === 'trusted' ? value('key') && `key ${value('key')}` : value('scanner')
  const words = [scan, named, decider && `by ${decider}`].filter(Boolean).join(' ')
  const fault = value('fault') && `${value('fault')} fault`
  const unsent = value('reply') === UNSENT && 'the client disconnected before the answer'
  const next = value('next') && `the next server replied ${value('next')}`
  return [words, fault, value('reason'), value('odd') && `odd: ${value('odd')}`, next, unsent]
    .filter(Boolean)
    .join('; ')
}

function about(value: ReadValue): string {
  const others = Number(value('rcpts')) - 1
  const more = others > 0 ? ` +${others}` : ''
  const size = value('size') && formatSize(Number(value('size')))
  const from = !isOfClamd(value) && value('from') && `from ${value('from')}`
  const to = value('to') && `to ${value('to')}${more}`
  return [size, from, to].filter(Boolean).join(' ')
}

function colourOf(decision: string, scan: string | undefined): keyof typeof colours {
  if (decision === 'accept') return scan === 'infected' ? 'odd' : 'good'
  return ['pass', 'recipients', 'defer', 'quarantine'].includes(decision) ? 'odd' : 'bad'
}

/** Returns `2026-11-20 18:26:25` in local time, or '' for NaN. */
export function formatTime(time: number): string {
  if (Number.isNaN(time)) return ''
  const date = new Date(time)
  const two = (number: number) => String(number).padStart(2, '0')
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
}
