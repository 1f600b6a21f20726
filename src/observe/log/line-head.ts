import { createTimeReader } from './line-time.ts'

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

const LF = 10
const BLANK = 0x20
const COLON = 0x3a
const BRACKET = 0x5b
const BRACE = 0x7b
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
  const readTime = createTimeReader(newest)

  return function readLineHead(bytes, start, end, head): boolean {
    head.bytes = bytes
    head.end = bytes[end - 1] === LF ? end - 1 : end
    head.host = ''
    head.time = Number.NaN
    const first = bytes[start]
    if (first === PROGRAM[0]) return programAt(bytes, start, head) && readOwnTime(bytes, head)
    if (first === BRACE) return readJson(bytes, start, head)
    const at = readTime(bytes, start, head)
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
    readTime(bytes, at + OWN_TIME.length, head)
    head.end = at
    return true
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

function startsWith(bytes: Buffer, at: number, word: Buffer): boolean {
  for (let index = 0; index < word.length; index++) {
    if (bytes[at + index] !== word[index]) return false
  }
  return true
}
