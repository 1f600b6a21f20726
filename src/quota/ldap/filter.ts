/** A user as a directory is asked for one; latin1, a byte a character. */
export interface LdapUser {
  readonly name: string
  readonly local: string
  readonly domain: string
}

/** What a filter may hold of the user. */
const VARIABLES = /%([und])/g

/** The filter for that user, from a template with `%u`, `%n` and `%d`. */
export function filterFor(template: string, { name, local, domain }: LdapUser): string {
  const values: Record<string, string> = { u: name, n: local, d: domain }
  return template.replace(VARIABLES, (_, letter: string) => escaped(values[letter]!))
}

/** RFC 4515 3: every byte that is no letter, digit or harmless sign, as `\` and two digits. */
function escaped(value: string): string {
  return value.replace(/[^\w@.+-]/g, (byte) => {
    return `\\${byte.charCodeAt(0).toString(16).padStart(2, '0')}`
  })
}
