import { BACKSLASH, GREATER, LESS, QUOTE, SPACE, TAB } from '../../../base/bytes/ascii.ts'
import { type RawReply, replyTexts } from './smtp-replies.ts'
import type { SmtpPath } from './smtp-syntax.ts'

/** A command line in its parts, which are views of the line. */
export interface SmtpCommand {
  /** The first word in upper case, or '' if the line is empty or begins with a blank. */
  readonly verb: string
  /** The rest of the line after the verb and the blanks after it. */
  readonly argument: Buffer
  /** The whole line as it was sent, without its end. */
  readonly line: Buffer
}

/**
 * Bytes of a command line without its end: RFC 5321 4.5.3.1.4 has 512, and extensions add to it.
 */
export const COMMAND_MAX = 4096

/** Other bytes are excluded: a server might read `BDAT` where another one reads a word unknown to it. */
const VERB = /^[A-Z0-9-]*$/i

/**
 * Returns the command of a line, or undefined if the line contains a control character, such as a NUL or a
 * CR, or if its first word is invalid.
 */
export function parseCommand(line: Buffer): SmtpCommand | undefined {
  if (line.some((byte) => (byte < SPACE && byte !== TAB) || byte === 0x7f)) return undefined
  let end = 0
  while (end < line.length && !isBlank(line[end])) end++
  const word = line.toString('latin1', 0, end)
  if (!VERB.test(word)) return undefined // before its case is changed: that of ß is SS
  let from = end
  while (from < line.length && isBlank(line[from])) from++
  return { verb: word.toUpperCase(), argument: line.subarray(from), line }
}

/**
 * Returns the path and the parameters after `FROM:` or `TO:` (RFC 5321 4.1.2), or undefined if the keyword is
 * missing. An invalid path is returned unchanged: the next server answers it.
 */
export function parsePath(argument: Buffer, keyword: 'FROM:' | 'TO:'): SmtpPath | undefined {
  const { length } = keyword
  if (argument.toString('latin1', 0, length).toUpperCase() !== keyword) return undefined
  let from = length
  while (isBlank(argument[from])) from++
  const end = endOfPath(argument, from)
  return { path: argument.subarray(from, end), parameters: words(argument.subarray(end)) }
}

/**
 * Returns where a path ends: after its closing bracket, or at a blank. A quoted local part may
 * hold both.
 */
function endOfPath(bytes: Buffer, from: number): number {
  const isBracketed = bytes[from] === LESS
  let isQuoted = false
  for (let at = from; at < bytes.length; at++) {
    const byte = bytes[at]
    if (byte === QUOTE) isQuoted = !isQuoted
    else if (byte === BACKSLASH && isQuoted) at++
    else if (!isQuoted && isBracketed && byte === GREATER) return at + 1
    else if (!isQuoted && !isBracketed && isBlank(byte)) return at
  }
  return bytes.length
}

/** Returns the words between blanks. */
export function words(bytes: Buffer): Buffer[] {
  const found: Buffer[] = []
  for (let at = 0; at < bytes.length; ) {
    let end = at
    while (end < bytes.length && !isBlank(bytes[end])) end++
    if (end > at) found.push(bytes.subarray(at, end))
    at = end + 1
  }
  return found
}

function isBlank(byte: number | undefined): boolean {
  return byte === SPACE || byte === TAB
}

/** Attributes that describe the client: XFORWARD_README, XCLIENT_README. */
const ATTRIBUTES = ['NAME', 'ADDR', 'HELO', 'IDENT', 'SOURCE', 'LOGIN'] as const
type AttributeName = (typeof ATTRIBUTES)[number]

/**
 * The attributes of the client that a mail server has the mail from, in latin1. An unavailable
 * value is undefined.
 */
export type ClientAttributes = { readonly [Name in AttributeName]?: string | undefined }

/** Upper limit for the kept characters of a value: RFC 1035 has 255 for a name. */
const ATTRIBUTE_VALUE_MAX = 1024
const UNAVAILABLE = ['[UNAVAILABLE]', '[TEMPUNAVAIL]']

/**
 * Returns the attributes in the argument of XFORWARD or XCLIENT. Unknown ones are omitted: the next server
 * replies to them.
 */
export function parseAttributes(argument: Buffer): ClientAttributes {
  const found: { [Name in AttributeName]?: string | undefined } = {}
  for (const word of words(argument).map((bytes) => bytes.toString('latin1'))) {
    const sign = word.indexOf('=')
    if (sign < 1) continue
    const written = word.slice(0, sign).toUpperCase()
    const name = ATTRIBUTES.find((known) => known === written)
    if (name === undefined) continue
    const value = fromXtext(word.slice(sign + 1)).slice(0, ATTRIBUTE_VALUE_MAX)
    found[name] = value === '' || UNAVAILABLE.includes(value.toUpperCase()) ? undefined : value
  }
  return found
}

/** RFC 3461 section 4: `+` and two hex digits encode a byte. */
function fromXtext(text: string): string {
  return text.replace(/\+([0-9A-F]{2})/gi, (_, digits) =>
    String.fromCharCode(Number.parseInt(digits, 16)),
  )
}

/** Commands of extensions that a proxy between client and server cannot offer. */
const COMMANDS_NOT_BETWEEN = [
  'STARTTLS',
  'AUTH',
  'BDAT',
  'BURL',
  'ATRN',
  'TURN',
  'XEXCH50',
  'X-EXPS',
  'X-ANONYMOUSTLS',
  'X-LINK2STATE',
]

/**
 * Extensions that a proxy must not offer. With some, the content passes unseen: encrypted, in chunks, without
 * dots, or fetched from elsewhere. With others, commands and replies are no longer lines, or DATA has an answer
 * for each recipient (PRDR, which Exim speaks).
 */
const NOT_BETWEEN = [...COMMANDS_NOT_BETWEEN, 'CHUNKING', 'BINARYMIME', 'CHECKPOINT', 'PRDR']

/** Returns whether a command may be passed on. `verb` is in upper case. */
export function mayPass(verb: string): boolean {
  return !COMMANDS_NOT_BETWEEN.includes(verb)
}

/**
 * Returns the lines of a server's answer to EHLO or LHLO that a proxy can offer to its client: the greeting,
 * and extensions after it, such as `SIZE 10240000`.
 */
export function offerBetween(reply: RawReply): readonly string[] {
  const [greeting = '', ...extensions] = replyTexts(reply)
  const kept = extensions.filter((extension) => {
    const [keyword = ''] = /^[^ =]*/.exec(extension) ?? []
    return !NOT_BETWEEN.includes(keyword.toUpperCase())
  })
  return [greeting, ...kept]
}
