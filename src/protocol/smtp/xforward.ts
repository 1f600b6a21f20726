/** Attributes that describe the client: XFORWARD_README, XCLIENT_README. */
const NAMES = ['NAME', 'ADDR', 'HELO', 'IDENT', 'SOURCE', 'LOGIN'] as const
type AttributeName = (typeof NAMES)[number]

/**
 * The attributes of the client that a mail server has the mail from, in latin1. An unavailable
 * value is undefined.
 */
export type ClientAttributes = { readonly [Name in AttributeName]?: string | undefined }

/** Characters of a value that are kept: RFC 1035 has 255 for a name. */
const VALUE_MAX = 1024
const UNAVAILABLE = ['[UNAVAILABLE]', '[TEMPUNAVAIL]']

/**
 * Returns the attributes in the argument of XFORWARD or XCLIENT. Unknown ones are left out: the
 * next server answers for them.
 */
export function parseAttributes(argument: Buffer): ClientAttributes {
  const found: { [Name in AttributeName]?: string | undefined } = {}
  for (const word of argument.toString('latin1').split(' ')) {
    const sign = word.indexOf('=')
    if (sign < 1) continue
    const written = word.slice(0, sign).toUpperCase()
    const name = NAMES.find((known) => known === written)
    if (name === undefined) continue
    const value = fromXtext(word.slice(sign + 1)).slice(0, VALUE_MAX)
    found[name] = value === '' || UNAVAILABLE.includes(value.toUpperCase()) ? undefined : value
  }
  return found
}

/** RFC 3461 section 4: `+` and two hex digits stand for a byte. */
function fromXtext(text: string): string {
  return text.replace(/\+([0-9A-F]{2})/gi, (_, digits) =>
    String.fromCharCode(Number.parseInt(digits, 16)),
  )
}

/** Returns the address of an ADDR attribute, which has `IPV6:` before an IPv6 address. */
export function plainAddress(text: string): string {
  return text.replace(/^IPV6:/i, '')
}
