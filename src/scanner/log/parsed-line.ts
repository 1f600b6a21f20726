import { attempt } from '../../base/errors/fault.ts'
import { DAY } from '../../base/text/units.ts'

/** A line of a log, read into its fields. */
export interface LogRecord {
  /** Milliseconds since 1970, or NaN if the line has no time. */
  readonly time: number
  /** The host that wrote the line, or '' if it is not known. */
  readonly host: string
  /** The values as they were before they were logged. Of several fields of one name, the first counts. */
  readonly fields: ReadonlyMap<string, string>
  /** The values of the fields `rcpt`. A line about several recipients has several. */
  readonly recipients: readonly string[]
}

/**
 * An optional prefix before onescan's text: a time and, from syslog and the journal, the host and the program
 * that wrote the line. The time is TAI64N of multilog, ISO 8601, or that of syslog without a year. `own` is
 * onescan's own name in openlog(3), which syslogd(8) puts before the line.
 */
const HEAD =
  /^(?:(@4[0-9a-f]{23}|\d{4}-\d\d-\d\d[T ][\d:.,]{8,18}(?:Z|[+-][\d:]{4,5})?|[A-Z][a-z]{2} [ \d]\d [\d:]{8}) (?:([^ ]{0,254}[^ :]) (?:(onescan(?:\[\d{1,10}\])?)|[^ ]{1,255}): )?)?(onescan: )?/

/** The last field of a line in LOGFILE, where no other program adds the time. */
const OWN_TIME = / time=(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)$/

/**
 * Parses a line, in latin1 and without its line end. onescan's text must follow the prefix directly: in the
 * middle of another program's line it is not trusted, and undefined is returned. `newest` is the time of the
 * last write to the log, in milliseconds since 1970: it supplies the year of times without one.
 */
export function parseLogLine(line: string, newest: number): LogRecord | undefined {
  const [head, written, host = '', own, program] = HEAD.exec(line)!
  if (own === undefined && program === undefined) return undefined
  const rest = line.slice(head.length)
  // No value of a client looks like onescan's own time: a value with a blank is in quotes.
  const ownTime = written === undefined ? OWN_TIME.exec(rest) : null
  const text = ownTime === null ? rest : rest.slice(0, ownTime.index)
  return parseLogText(text, timeOf(written ?? ownTime?.[1], newest), host)
}

/** Parses the fields of our own text, after `onescan: `. */
export function parseLogText(text: string, time: number, host = ''): LogRecord {
  const fields = new Map<string, string>()
  const recipients: string[] = []
  for (const field of fieldsIn(text)) {
    if (field.key === 'rcpt') recipients.push(loggedValue(field))
    else if (!fields.has(field.key)) fields.set(field.key, loggedValue(field))
  }
  return { time, host, fields, recipients }
}

/**
 * Returns milliseconds since 1970, or NaN if the text is not a time. Times without a zone are this host's.
 */
function timeOf(text: string | undefined, newest: number): number {
  if (text === undefined) return Number.NaN
  if (text.startsWith('@')) return taiTime(text)
  if (/^\d/.test(text)) return Date.parse(text.replace(',', '.'))
  const year = new Date(newest).getFullYear()
  const time = Date.parse(`${text} ${year}`)
  // A log has no lines of the future: a line that seems to be one is of last year.
  return time > newest + DAY ? Date.parse(`${text} ${year - 1}`) : time
}

/** Reads `@400000006743…`: TAI64, 16 hexadecimal digits of seconds and 8 of nanoseconds. */
function taiTime(text: string): number {
  const seconds = Number.parseInt(text.slice(2, 17), 16) - 10 // without the 2^62 of 1970
  return seconds * 1000 + Number.parseInt(text.slice(17), 16) / 1e6
}

/** Upper limit for the fields read from a line. onescan's own lines have about thirty. */
const FIELDS_MAX = 64

/**
 * Matches `key=value`, `key="a value in quotes"`, or a word that is not a field. An open quote matches none
 * of these.
 */
const WORD = / *(?:([^ =]*)=(?:"((?:[^"\\]|\\[\s\S])*)"|([^" ][^ ]*|)(?= |$))|[^ =]+(?= |$))/y

/** A field of a log line as written, with its escapes. */
export interface WrittenField {
  readonly key: string
  /** Without quotes. */
  readonly value: string
  readonly isQuoted: boolean
}

/**
 * Yields the fields `key=value` of a log line, as in onescan-log(5), in latin1. A value in quotes ends at the
 * closing quote, whatever it contains. If the closing quote is missing, the line was cut, and the rest is
 * ignored.
 */
export function* fieldsIn(text: string): Generator<WrittenField> {
  for (let at = 0, count = 0; count < FIELDS_MAX; at = WORD.lastIndex) {
    WORD.lastIndex = at // this expression is shared: a reader of the fields may use it meanwhile
    const word = WORD.exec(text)
    if (word === null) return
    const [, key, quoted, plain = ''] = word
    if (key === undefined) continue
    const end = WORD.lastIndex
    yield { key, value: quoted ?? plain, isQuoted: quoted !== undefined }
    WORD.lastIndex = end
    count++
  }
}

/**
 * Returns the value of a field as it was before src/base/log/line-format.ts wrote it, without escapes. Decodes
 * UTF-8, which addresses may contain (RFC 6531). Other bytes stay latin1.
 */
export function loggedValue({ value, isQuoted }: WrittenField): string {
  const bytes = isQuoted ? unescapeValue(value) : value
  if (/^[\0-\x7f]*$/.test(bytes)) return bytes
  const decoder = new TextDecoder('utf-8', { fatal: true })
  return attempt(() => decoder.decode(Buffer.from(bytes, 'latin1'))) ?? bytes
}

function unescapeValue(text: string): string {
  return text.replace(/\\(?:x([0-9a-f]{2})|([\s\S]))/g, (_, hex?: string, character = '') =>
    hex === undefined ? character : String.fromCharCode(Number.parseInt(hex, 16)),
  )
}
