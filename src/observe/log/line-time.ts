/** The line whose time is read. */
interface TimedLine {
  /** Milliseconds since 1970. */
  time: number
  /** Where the line ends. */
  readonly end: number
}

/**
 * Reads the time at `start`, with which a line begins, into `head`. Returns where the rest of the
 * line begins; a value that is not positive if there is no such time.
 */
export type ReadTime = (bytes: Buffer, start: number, head: TimedLine) => number

const DAY = 24 * 3_600_000
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

const BLANK = 0x20
const ZERO = 0x30
const COLON = 0x3a
const AT_SIGN = 0x40
const ZED = 0x5a

/**
 * Makes a reader for the times of one log, in all forms of line-head.ts. `newest` is when the log
 * was written last; it gives the year to times without one.
 */
export function createTimeReader(newest: number): ReadTime {
  const localTime = rememberHour()

  return function readTime(bytes, start, head): number {
    const first = bytes[start]
    if (first === AT_SIGN) return readTai(bytes, start, head)
    return isDigit(first) ? readNumbers(bytes, start, head) : readName(bytes, start, head)
  }

  /**
   * Reads `2026-11-20T18:26:25.1+01:00 `, with T, a blank or _ in the middle, or seconds since
   * 1970. Returns where the rest of the line begins, or -1 if there is no such time.
   */
  function readNumbers(bytes: Buffer, start: number, head: TimedLine): number {
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

  function readSeconds(bytes: Buffer, start: number, head: TimedLine): number {
    let at = start
    while (isDigit(bytes[at]) || bytes[at] === 0x2e) at++
    if (at - start < 9 || at - start > 24 || bytes[at] !== BLANK) return -1
    head.time = Number(bytes.toString('latin1', start, at)) * 1000
    return at + 1
  }

  /** Reads `Nov 20 18:26:25 `, which has no year, or a weekday and what readNumbers() reads. */
  function readName(bytes: Buffer, start: number, head: TimedLine): number {
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
  function behindZone(bytes: Buffer, at: number, head: TimedLine): number {
    const blank = bytes.indexOf(BLANK, at)
    if (bytes.toString('latin1', at, blank) === 'UTC') {
      head.time -= new Date(head.time).getTimezoneOffset() * 60_000
    }
    return blank + 1
  }
}

/** Reads `@400000006743…`: 16 hexadecimal digits of seconds, TAI64, and 8 of nanoseconds. */
function readTai(bytes: Buffer, start: number, head: TimedLine): number {
  if (head.end - start < 35 || bytes[start + 25] !== BLANK) return -1
  if (hexadecimal(bytes, start + 1, 8) !== 0x40000000) return -1
  const seconds = hexadecimal(bytes, start + 9, 8) - 10
  head.time = seconds * 1000 + hexadecimal(bytes, start + 17, 8) / 1e6
  return start + 26
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
