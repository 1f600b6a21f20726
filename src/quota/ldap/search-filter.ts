/** The user that a directory is searched for; latin1, one character for each byte. */
export interface LdapUser {
  readonly name: string
  readonly local: string
  readonly domain: string
}

/** The variables of a filter: the whole name, the local part and the domain. */
const VARIABLES = /%([und])/g

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Fills a user into a template with `%u`, `%n` and `%d`. Returns undefined if the name is not UTF-8: no entry
 * can have it, because the values of a directory are UTF-8 (RFC 4517 3.3.6).
 */
export function filterFor(template: string, { name, local, domain }: LdapUser): string | undefined {
  const values: Record<string, string> = { u: name, n: local, d: domain }
  try {
    return template.replace(VARIABLES, (_, letter: string) => escapeValue(values[letter]!))
  } catch {
    return undefined
  }
}

/**
 * Escapes a value (RFC 4515 3): ASCII characters that might have a meaning become `\` and two hex digits.
 * Characters beyond ASCII stay unchanged, because ldapts decodes the digits as a character and not as a byte.
 */
function escapeValue(value: string): string {
  const text = utf8.decode(Buffer.from(value, 'latin1'))
  return text.replace(/[\0-\x7f]/g, (sign) => {
    if (/[\w@.+-]/.test(sign)) return sign
    return `\\${sign.charCodeAt(0).toString(16).padStart(2, '0')}`
  })
}
