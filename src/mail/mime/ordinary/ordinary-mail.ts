import { type OrdinaryHeader, readOrdinaryHeader } from './ordinary-header.ts'

/** A part that is neither a multipart nor a message. Offsets in the message; `to` is below the line end above a delimiter. */
export interface OrdinaryPart {
  readonly header: OrdinaryHeader
  readonly from: number
  readonly to: number
}

/** A text that is in no part: above the first, or below the last one. */
interface TextBetween {
  readonly from: number
  readonly to: number
}

/** How many multiparts and messages may be in one another. */
const DEPTH_MAX = 8

/**
 * Lines of a text in which some program finds a header, encoded data, or the beginning of a message: libclamav takes
 * what is below one of them out of the message, up to an empty line. It compares `begin` in any letter case.
 */
const ODD_LINE = /(?:^|\n)[ \t]*(?:begin|=ybegin|content-)/i
/** A word by which libclamav searches for the first line of BinHex. */
const BINHEX = 'BinHex'

/** First lines of a body that libclamav takes for lines of the header above it. */
const LIKE_FIELD = /^\s*(?:content|filename=|date:|message-id:|[^\n]*base64)/i

const MAILBOX_LINE = /From [^\r\n]*\r?\n/y
/** NUL, which some programs skip and at which others end a line, and a CR that ends none for some of them. */
const ODD_BYTE = /\0|\r(?!\n)/

/**
 * Reads a message by a grammar of what all programs read alike, libclamav among them. Returns its parts in their order, or
 * undefined if anything in it is written in another way. The message is a string in latin1; its header begins at `from`.
 */
export function readOrdinaryMail(mail: string, from = 0): readonly OrdinaryPart[] | undefined {
  if (ODD_BYTE.test(mail)) return undefined
  MAILBOX_LINE.lastIndex = from
  const start = MAILBOX_LINE.test(mail) ? MAILBOX_LINE.lastIndex : from
  const reading = new OrdinaryReading(mail)
  const isOrdinary = reading.readMessage(start, mail.length, from > 0)
  return isOrdinary ? reading.parts : undefined
}

class OrdinaryReading {
  readonly parts: OrdinaryPart[] = []
  readonly #mail: string
  #depth = 0

  constructor(mail: string) {
    this.#mail = mail
  }

  /** Reads a message within these offsets. `isKnown`: a line above it makes libclamav recognize it. */
  readMessage(from: number, to: number, isKnown = false): boolean {
    const header = readOrdinaryHeader(this.#mail, from, to, { isOfPart: false })
    return header !== undefined && (isKnown || header.isOfMail) && this.#readBody(header, to)
  }

  #readBody(header: OrdinaryHeader, to: number): boolean {
    const { type, boundary, encoding, end } = header
    if (LIKE_FIELD.test(this.#mail.slice(end, to)) || this.#depth === DEPTH_MAX) return false
    this.#depth++
    try {
      if (boundary !== undefined) return this.#readMultipart(boundary, end, to)
      if (type === 'message/rfc822') return this.readMessage(end, to, true)
    } finally {
      this.#depth--
    }
    this.parts.push({ header, from: end, to })
    return encoding === 'base64' || this.#isText({ from: end, to })
  }

  /** Reads parts: each has a header, exact delimiters are around it, and the last one ends the multipart, once. */
  #readMultipart(boundary: string, from: number, to: number): boolean {
    let start = from
    let isPart = false
    for (;;) {
      const delimiter = this.#delimiterFrom(start, to, boundary)
      if (delimiter === undefined) return false
      const { from: end, isLast, to: next } = delimiter
      if (isPart ? !this.#readPart(start, end) : !this.#isText({ from: start, to: end }))
        return false
      start = next
      isPart = true
      if (isLast) break
    }
    return (
      this.#delimiterFrom(start, to, boundary) === undefined && this.#isText({ from: start, to })
    )
  }

  #readPart(from: number, to: number): boolean {
    const header = readOrdinaryHeader(this.#mail, from, to, { isOfPart: true })
    return header !== undefined && this.#readBody(header, to)
  }

  /** Returns the next line that is a delimiter, exactly as the boundary is written. */
  #delimiterFrom(from: number, to: number, boundary: string) {
    const mail = this.#mail
    const words = `--${boundary}`
    for (let at = mail.indexOf(words, from); at >= 0 && at < to; at = mail.indexOf(words, at + 1)) {
      if (at !== from && mail[at - 1] !== '\n') continue
      DELIMITER_END.lastIndex = at + words.length
      const end = DELIMITER_END.exec(mail)
      if (end) return { from: at, isLast: end[1] !== '', to: Math.min(to, DELIMITER_END.lastIndex) }
    }
    return undefined
  }

  #isText({ from, to }: TextBetween): boolean {
    const text = this.#mail.slice(from, to)
    return !ODD_LINE.test(text) && !text.includes(BINHEX)
  }
}

const DELIMITER_END = /(|--)(?:\r?\n|$)/y
