import { type Client, type Entry, NoSuchObjectError, SizeLimitExceededError } from 'ldapts'
import type { LdapAttributes, LdapSettings } from './ldap-settings.ts'

/** The user whom a directory is asked about; latin1, a character a byte. */
export interface LdapUser {
  readonly name: string
  readonly local: string
  readonly domain: string
}

/** What a directory says about a user. Values that the entry lacks are absent. */
export type LdapAnswer =
  | {
      readonly found: 'entry'
      /** The host that has the mailbox. */
      readonly backend?: string
      /** The home directory; latin1, a character a byte. */
      readonly home?: string
      readonly quota?: string
    }
  | { readonly found: 'nobody' }
  | { readonly found: 'trouble'; readonly why: string }

/**
 * Searches the entry of a user. More than one entry is trouble. Rejects with other errors of the
 * directory, or if the connection ends. `timeout` is milliseconds for the directory.
 */
export async function searchUser(
  client: Client,
  user: LdapUser,
  settings: LdapSettings,
  timeout: number,
): Promise<LdapAnswer> {
  const { url, base, attributes } = settings
  const ambiguous: LdapAnswer = {
    found: 'trouble',
    why: `${url}: more than one entry for one user; see QUOTALDAPFILTER`,
  }
  const filter = filterFor(settings.filter, user)
  if (filter === undefined) return { found: 'nobody' }
  try {
    const { searchEntries: entries } = await client.search(base, {
      scope: 'sub',
      filter,
      attributes: Object.values(attributes),
      explicitBufferAttributes: Object.values(attributes),
      sizeLimit: 2,
      timeLimit: Math.ceil(timeout / 1000),
    })
    if (entries.length > 1) return ambiguous
    const [entry] = entries
    return entry ? answerOf(entry, attributes) : { found: 'nobody' }
  } catch (error) {
    if (error instanceof SizeLimitExceededError) return ambiguous
    if (error instanceof NoSuchObjectError) return { found: 'nobody' }
    throw error
  }
}

function answerOf(entry: Entry, attributes: LdapAttributes): LdapAnswer {
  const backend = firstValue(entry, attributes.backend)
  const home = firstValue(entry, attributes.home)
  const quota = firstValue(entry, attributes.quota)
  return {
    found: 'entry',
    ...(backend ? { backend } : {}),
    ...(home ? { home } : {}),
    ...(quota ? { quota } : {}),
  }
}

/** The first value of an attribute. Names of attributes are compared without case (RFC 4512 2.5). */
function firstValue(entry: Entry, attribute: string): string | undefined {
  const name = Object.keys(entry).find((known) => known.toLowerCase() === attribute.toLowerCase())
  const values = name === undefined ? undefined : entry[name]
  const value = Array.isArray(values) ? values[0] : values
  return Buffer.isBuffer(value) ? value.toString('latin1') : value
}

/** The variables of a filter: the whole name, the local part and the domain. */
const VARIABLES = /%([und])/g

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Fills a user into a template with `%u`, `%n` and `%d`. Undefined if the name is not UTF-8: no
 * entry can have it, since the values of a directory are UTF-8 (RFC 4517 3.3.6).
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
 * Escapes a value (RFC 4515 3): ASCII signs that might have a meaning become `\` and two hex
 * digits. Characters beyond ASCII stay as they are, since ldapts takes the digits for a character
 * and not for a byte.
 */
function escapeValue(value: string): string {
  const text = utf8.decode(Buffer.from(value, 'latin1'))
  return text.replace(/[\0-\x7f]/g, (sign) => {
    if (/[\w@.+-]/.test(sign)) return sign
    return `\\${sign.charCodeAt(0).toString(16).padStart(2, '0')}`
  })
}
