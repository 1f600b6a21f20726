/** The part of a line before its fields: who wrote it, and when. */
export interface LineHead {
  /** Milliseconds since 1970; NaN if the line has no time. */
  time: number
  /** The host that wrote the line; '' if the line does not name it. */
  host: string
  /** The bytes of the line; for a line of the journal in JSON those of its message. */
  bytes: Buffer
  /** Where the fields begin, and where the line ends, without its line end. */
  at: number
  end: number
}

/** Fills `head` from a line. Returns false if onescan did not write the line. */
export type ReadLineHead = (bytes: Buffer, start: number, end: number, head: LineHead) => boolean

const PROGRAM = Buffer.from('onescan: ')
/** The name in openlog(3), which syslogd(8) and the journal put before the line instead. */
const TAG = Buffer.from('onescan')
/** The last field of a line in LOGFILE, where no other program adds the time. */
const OWN_TIME = Buffer.from(' time=')
const OWN_TIME_SIZE = OWN_TIME.length + '2026-11-20T18:26:25.123Z'.length
const HOUR = 3_600_000
const DAY = 24 * HOUR
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

const LF = 10
const BLANK = 0x20
const ZERO = 0x30
const COLON = 0x3a
const BRACKET = 0x5b
const ZED = 0x5a

export function newLineHead(): LineHead {
  return { time: Number.NaN, host: '', bytes: Buffer.alloc(0), at: 0, end: 0 }
}

/**
 * Makes a reader for the lines of one log. It knows multilog's TAI64N, tai64nlocal, svlogd, both
 * forms of syslog, journalctl's short, short-full, short-iso, short-unix and json, the output of
 * containers, lines of LOGFILE, and lines without any time. Our text must follow at once: text in
 * the middle of another program's line is not ours. `newest` is when the log was written last; it
 * gives the year to times without one.
 */
export function createLineHeadReader(newest: number): ReadLineHead {
  const localTime = rememberHour()

  return function readLineHead(bytes, start, end, head): boolean {
    head.bytes = bytes
    head.end = bytes[end - 1] === LF ? end - 1 : end
    head.host = ''
    head.time = Number.NaN
    const first = bytes[start]
    if (first === PROGRAM[0]) return programAt(bytes, start, head) && readOwnTime(bytes, head)
    if (first === 0x40) return readTai(bytes, start, head)
    if (first === 0x7b) return readJson(bytes, start, head)
    const isDigit = first !== undefined && first >= ZERO && first < COLON
    const at = isDigit ? readNumbers(bytes, start, head) : readName(bytes, start, head)
    return at > 0 && programBehindHost(bytes, at, head)
  }

  /**
   * Reads the field `time` at the end of a line of LOGFILE as the line's time, and takes it from
   * the fields. No value that a client sends can look like it: a value with a blank is in quotes.
   */
  function readOwnTime(bytes: Buffer, head: LineHead): true {
    const at = head.end - OWN_TIME_SIZE
    if (at < head.at - 1 || bytes[head.end - 1] !== ZED || !startsWith(bytes, at, OWN_TIME))
      return true
    readNumbers(bytes, at + OWN_TIME.length, head)
    head.end = at
    return true
  }

  /** Reads `@400000006743…`: 16 hexadecimal digits of seconds, TAI64, and 8 of nanoseconds. */
  function readTai(bytes: Buffer, start: number, head: LineHead): boolean {
    if (head.end - start < 35 || bytes[start + 25] !== BLANK) return false
    if (hexadecimal(bytes, start + 1, 8) !== 0x40000000) return false
    const seconds = hexadecimal(bytes, start + 9, 8) - 10
    head.time = seconds * 1000 + hexadecimal(bytes, start + 17, 8) / 1e6
    return programBehindHost(bytes, start + 26, head)
  }

  /**
   * Reads `2026-11-20T18:26:25.1+01:00 `, with T, a blank or _ in the middle, or seconds since
   * 1970. Returns where the rest of the line begins, or -1 if there is no such time.
   */
  function readNumbers(bytes: Buffer, start: number, head: LineHead): number {
    if (bytes[start + 4] !== 0x2d) return readSeconds(bytes, start, head)
    if (head.end - start < 20 || bytes[start + 16] !== COLON) return -1
    const local = localTime(
      bytes,
      start,
      decimal(bytes, start, 4),
      decimal(bytes, start + 5, 2) - 1,
      decimal(bytes, start + 8, 2),
      decimal(bytes, start + 11, 2),
    )
    let at = start + 19
    let time = decimal(bytes, start + 14, 2) * 60_000 + decimal(bytes, start + 17, 2) * 1000
    if (bytes[at] === 0x2e || bytes[at] === 0x2c) {
      at++
      for (let scale = 100; isDigit(bytes[at]); at++, scale /= 10)
        time += (bytes[at]! - ZERO) * scale
    }
    const zone = bytes[at]
    // svlogd -tt writes UTC and says so by its underscore.
    const utc = zone === ZED || bytes[start + 10] === 0x5f
    if (zone === 0x2b || zone === 0x2d) {
      const hours = decimal(bytes, at + 1, 2)
      const minutes = decimal(bytes, bytes[at + 3] === COLON ? at + 4 : at + 3, 2)
      const offset = (hours * 60 + minutes) * 60_000 * (zone === 0x2b ? 1 : -1)
      time += local.utc - offset
      at += bytes[at + 3] === COLON ? 6 : 5
    } else time += utc ? local.utc : local.here
    if (zone === ZED) at++
    head.time = time
    return bytes[at] === BLANK ? at + 1 : -1
  }

  function readSeconds(bytes: Buffer, start: number, head: LineHead): number {
    let at = start
    while (isDigit(bytes[at]) || bytes[at] === 0x2e) at++
    if (at - start < 9 || at - start > 24 || bytes[at] !== BLANK) return -1
    head.time = Number(bytes.toString('latin1', start, at)) * 1000
    return at + 1
  }

  /** Reads `Nov 20 18:26:25 `, which has no year, or a weekday and what readNumbers() reads. */
  function readName(bytes: Buffer, start: number, head: LineHead): number {
    if (bytes[start + 3] !== BLANK) return -1
    if (bytes[start + 8] === 0x2d) {
      const at = readNumbers(bytes, start + 4, head)
      return at < 0 ? at : behindZone(bytes, at, head)
    }
    const month = MONTHS.indexOf(bytes.toString('latin1', start, start + 3))
    if (month < 0 || head.end - start < 20 || bytes[start + 9] !== COLON) return -1
    const day = decimal(bytes, start + 4, 2)
    const hour = decimal(bytes, start + 7, 2)
    const within = decimal(bytes, start + 10, 2) * 60_000 + decimal(bytes, start + 13, 2) * 1000
    const year = new Date(newest).getFullYear()
    // A log has no lines of the future: a line that seems to be one is of last year.
    let time = new Date(year, month, day, hour).getTime() + within
    if (time > newest + DAY) time = new Date(year - 1, month, day, hour).getTime() + within
    let at = start + 15
    if (bytes[at] === 0x2e) while (isDigit(bytes[++at]));
    head.time = time
    return bytes[at] === BLANK ? at + 1 : -1
  }

  /** Skips the name of the zone, which journalctl -o short-full writes: UTC, or this host's. */
  function behindZone(bytes: Buffer, at: number, head: LineHead): number {
    const blank = bytes.indexOf(BLANK, at)
    if (bytes.toString('latin1', at, blank) === 'UTC') {
      head.time -= new Date(head.time).getTimezoneOffset() * 60_000
    }
    return blank + 1
  }
}

/** Reads `host program[pid]: `, which may be missing, and finds our text behind it. */
function programBehindHost(bytes: Buffer, at: number, head: LineHead): boolean {
  if (bytes[at] === PROGRAM[0] && programAt(bytes, at, head)) return true
  const blank = bytes.indexOf(BLANK, at)
  if (blank < 0 || blank - at > 255) return false
  const tag = blank + 1
  const end = bytes.indexOf(BLANK, tag)
  if (end < 0 || end >= head.end || bytes[end - 1] !== COLON) return false
  head.host = bytes.toString('latin1', at, blank)
  if (programAt(bytes, end + 1, head)) return true
  head.at = end + 1
  const behind = bytes[tag + TAG.length]
  return startsWith(bytes, tag, TAG) && (behind === BRACKET || behind === COLON)
}

function programAt(bytes: Buffer, at: number, head: LineHead): boolean {
  head.at = at + PROGRAM.length
  return startsWith(bytes, at, PROGRAM)
}

/**
 * Reads a line of journalctl -o json. It has a message that is not UTF-8 as an array of numbers.
 */
function readJson(line: Buffer, start: number, head: LineHead): boolean {
  let told: Record<string, unknown>
  try {
    told = JSON.parse(line.toString('utf8', start, head.end)) as Record<string, unknown>
  } catch {
    return false
  }
  const { MESSAGE: message, _HOSTNAME: host, SYSLOG_IDENTIFIER: tag } = told
  const isText = typeof message === 'string'
  if (!isText && !Array.isArray(message)) return false
  const bytes = isText ? Buffer.from(message) : Buffer.from(message as number[])
  head.bytes = bytes
  head.end = bytes.length
  head.host = typeof host === 'string' ? host : ''
  head.time = Number(told.__REALTIME_TIMESTAMP) / 1000
  if (programAt(bytes, 0, head)) return true
  head.at = 0
  return tag === TAG.toString()
}

/** When an hour begins, in milliseconds since 1970: read as this host's local time, and as UTC. */
interface HourStart {
  readonly here: number
  readonly utc: number
}

/**
 * Returns a function for the hour that 13 bytes of a line name. It remembers the last hour, since
 * nearly each line is of the same hour as the line before.
 */
function rememberHour() {
  const known = Buffer.alloc(13)
  let hour: HourStart = { here: Number.NaN, utc: Number.NaN }
  return (bytes: Buffer, at: number, year: number, month: number, day: number, hours: number) => {
    if (bytes.compare(known, 0, 13, at, at + 13) !== 0) {
      bytes.copy(known, 0, at, at + 13)
      hour = {
        here: new Date(year, month, day, hours).getTime(),
        utc: Date.UTC(year, month, day, hours),
      }
    }
    return hour
  }
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte < COLON
}

/** Reads digits as a number. A blank counts as 0; any other byte makes the result NaN. */
function decimal(bytes: Buffer, at: number, digits: number): number {
  let value = 0
  for (const end = at + digits; at < end; at++) {
    const byte = bytes[at]
    if (byte === BLANK) continue
    if (!isDigit(byte)) return Number.NaN
    value = value * 10 + byte! - ZERO
  }
  return value
}

/** Reads hexadecimal digits in lower case as a number. */
function hexadecimal(bytes: Buffer, at: number, digits: number): number {
  let value = 0
  for (const end = at + digits; at < end; at++) {
    const byte = bytes[at]!
    const digit = byte < COLON ? byte - ZERO : byte - 0x57
    if (digit < 0 || digit > 15) return Number.NaN
    value = value * 16 + digit
  }
  return value
}

function startsWith(bytes: Buffer, at: number, word: Buffer): boolean {
  for (let index = 0; index < word.length; index++) {
    if (bytes[at + index] !== word[index]) return false
  }
  return true
}
