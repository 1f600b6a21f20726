/** A user as a directory is asked for one; latin1, a byte a character. */
export interface LdapUser {
  readonly name: string
  readonly local: string
  readonly domain: string
}

/** The parts of a user that a filter may name. */
const VARIABLES = /%([und])/g

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * The filter for that user, from a template with `%u`, `%n` and `%d`; undefined for a name
 * that is not UTF-8, as the values of a directory are (RFC 4517 3.3.6): nobody has it.
 */
export function filterFor(template: string, { name, local, domain }: LdapUser): string | undefined {
  const values: Record<string, string> = { u: name, n: local, d: domain }
  try {
    return template.replace(VARIABLES, (_, letter: string) => escaped(values[letter]!))
  } catch {
    return undefined
  }
}

/**
 * RFC 4515 3: ASCII that is no letter, digit or harmless sign as `\` and two digits. Other
 * letters stay: ldapts takes what is behind a `\` for a character, not for a byte.
 */
function escaped(value: string): string {
  const text = utf8.decode(Buffer.from(value, 'latin1'))
  return text.replace(/[\0-\x7f]/g, (sign) => {
    if (/[\w@.+-]/.test(sign)) return sign
    return `\\${sign.charCodeAt(0).toString(16).padStart(2, '0')}`
  })
}
