/** Attributes that say something of the client: XFORWARD_README, XCLIENT_README. */
const NAMES = ['NAME', 'ADDR', 'PORT', 'HELO', 'IDENT', 'SOURCE', 'LOGIN'] as const
type AttributeName = (typeof NAMES)[number]

/** What a mail server tells of the client that it has the mail from. A value that is not available is undefined. Latin1. */
export type ClientAttributes = { readonly [Each in AttributeName]?: string | undefined }

/** Characters of a value that are kept: RFC 1035 has 255 for a name. */
const VALUE_MAX = 1024
const UNAVAILABLE = ['[UNAVAILABLE]', '[TEMPUNAVAIL]']

/**
 * The attributes of XFORWARD or XCLIENT, by the argument of the command. What is none of
 * them is left out: the next server answers for it.
 */
export function parseAttributes(argument: Buffer): ClientAttributes {
  const found: { [Each in AttributeName]?: string | undefined } = {}
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

/** An address as these commands have it: `IPV6:` stands before one of IPv6. */
export function plainAddress(text: string): string {
  return text.replace(/^IPV6:/i, '')
}
