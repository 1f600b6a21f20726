/** A type that every reader reads alike. */
export interface StrictType {
  /** The type in lower case, `type/subtype`. */
  readonly type: string
  readonly boundary: string | undefined
  /** Whether it has no characters that some program drops, or at which it ends the value. */
  readonly isBoundaryPlain: boolean
  /** Whether the type is text that readers display, without a parameter that makes it a file. */
  readonly isShown: boolean
}

/** The types of text that readers show. They save every other text as a file. */
const SHOWN = new Set(['text/plain', 'text/html', 'text/enriched'])

/** The parameters that make a text a file: its name. */
const FILE_PARAMETER = /name/

/** Reads a Content-Type about which readers cannot differ (RFC 2045 5.1). Returns undefined for others. */
export function readStrictType(text: string): StrictType | undefined {
  const value = text.trimEnd()
  const head = /^([\w.+-]+\/[\w.+-]+)[ \t]*/.exec(value)
  if (!head) return undefined
  const type = head[1]!.toLowerCase()
  const names = new Set<string>()
  let boundary: string | undefined
  let isBoundaryPlain = false
  let at = head[0].length
  while (at < value.length) {
    PARAMETER.lastIndex = at
    const found = PARAMETER.exec(value)
    if (!found) return undefined
    const [whole, name, quoted, token] = found
    at += whole.length
    if (name === undefined) continue // a semicolon at the end
    const lower = name.toLowerCase()
    if (names.has(lower)) return undefined
    names.add(lower)
    if (lower !== 'boundary') continue
    boundary = quoted ?? token
    isBoundaryPlain = (quoted === undefined ? PLAIN_TOKEN : PLAIN_QUOTED).test(boundary!)
  }
  if (boundary !== undefined && !BOUNDARY.test(boundary)) return undefined
  const isShown = SHOWN.has(type) && ![...names].some((name) => FILE_PARAMETER.test(name))
  return { type, boundary, isBoundaryPlain, isShown }
}

const PARAMETER =
  /;[ \t]*(?:([\w*.%-]+)[ \t]*=[ \t]*(?:"([^"\\]*)"|([\w'+.,/:=?$!*%&~^{}|#@-]+))[ \t]*|$)/y
/** RFC 2046 5.1.1. */
const BOUNDARY = /^[!-~](?:[ -~]{0,68}[!-~])?$/
/**
 * Programs end a boundary at a blank or a comment, drop quotes and angle brackets, and end a token at other characters than
 * RFC 2045 5.1 lists.
 */
const PLAIN_QUOTED = /^[\w!#$%&*+,./:=?@^`{|}~-]+$/
const PLAIN_TOKEN = /^[\w!#$%&*+.^`{|}~-]+$/
