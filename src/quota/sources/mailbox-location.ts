import { mayNameMailbox } from '../../base/protocol/quota/quota-answer.ts'
import { lowerCase, readAddress } from '../../base/text/address.ts'

/** The user that a query is about: an account or an address. Latin1, one byte per character. */
export interface User {
  readonly name: string
  /** The local part of an address; the name of an account. */
  readonly local: string
  /** The domain in lower case, or '' for an account. */
  readonly domain: string
}

/**
 * Reads the name of a user, in lower case. Returns undefined if no mailbox may be looked for under
 * that name. The senders of mail choose these names, and this is the only check of
 * them.
 */
export function parseUser(text: string): User | undefined {
  if (!mayNameMailbox(text)) return undefined
  const name = lowerCase(text)
  const { local, domain } = readAddress(name)
  if (isNoComponent(local) || (domain !== undefined && isNoComponent(domain))) return undefined
  return { name, local, domain: domain ?? '' }
}

function isNoComponent(part: string): boolean {
  return part === '' || part === '.'
}

/** The location of a mailbox; latin1, one character for each byte. */
export interface MailboxLocation {
  readonly path: string
  /**
   * The length of the part of the path that the administrator made, up to the directory of the
   * user. Links are followed in this part only: users can change what is below it.
   */
  readonly fixed: number
}

/** Locates the mailbox of a user. Undefined if the template needs a domain or home, and there is none. */
export type MailboxTemplate = (user: User, home: string | undefined) => MailboxLocation | undefined

/**
 * Parses a template of paths, with the variables of `parseTemplate()`. The fixed part of a path ends with the
 * component that has the last variable. Without variables the whole path is fixed. Throws an Error that names
 * the fault of the template.
 */
export function parseMailboxTemplate(text: string): MailboxTemplate {
  const path = parseTemplate(text)
  const below = parseTemplate(behindLastVariable(text))({ name: '', local: '', domain: '' }, '')!
  return (user, home) => {
    const made = path(user, home)
    return made === undefined ? undefined : { path: made, fixed: made.length - below.length }
  }
}

/** Returns the rest of the template from the first slash after its last variable, or '' if there is none. */
function behindLastVariable(text: string): string {
  const [, behind] =
    /^(?:~|(?:[^%]|%%)*(?:%[undh](?:[^%]|%%)*)*%[undh])((?:[^%]|%%)*)$/.exec(text) ?? []
  const slash = behind?.indexOf('/') ?? -1
  return slash < 0 ? '' : behind!.slice(slash)
}

/** Makes the text for a user. Undefined if it needs a domain or home, and the user has none. */
type Template = (user: User, home: string | undefined) => string | undefined

/**
 * Parses a template with the variables of Dovecot's mail_location. `%u` is the whole name, `%n` the part
 * before the `@`, and `%d` the domain. `%h` and a leading `~` are the home directory, and `%%` is a percent
 * sign. Throws an Error that names the fault of the template.
 */
function parseTemplate(text: string): Template {
  const parts = text.replace(/^~(?=\/|$)/, '%h').split(/(%.?)/)
  const unknown = parts.find((part, i) => i % 2 === 1 && !/^%[undh%]$/.test(part))
  if (unknown !== undefined) throw new Error(`${unknown} is not one of %u, %n, %d, %h and %%`)
  return ({ name, local, domain }, home) => {
    const values = new Map([
      ['%u', name],
      ['%n', local],
      ['%d', domain || undefined],
      ['%h', home],
      ['%%', '%'],
    ])
    const made = parts.map((part, i) => (i % 2 === 0 ? part : values.get(part)))
    return made.includes(undefined) ? undefined : made.join('')
  }
}

/** Returns whether a template needs the home directory of the user. */
export function needsHome(text: string): boolean {
  return /^~(\/|$)|%h/.test(text.replaceAll('%%', ''))
}
