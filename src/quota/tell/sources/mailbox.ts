import type { User } from './user-name.ts'

/** Where a mailbox lies; latin1, a byte a character. */
export interface MailboxPath {
  readonly path: string
  /**
   * How many characters of the path belong to whoever set up the mailboxes, up to the
   * directory of the user. Links are followed in these; what is below, users can change.
   */
  readonly fixed: number
}

/** Undefined if it would need what is not known of that user. */
export type MailboxTemplate = (user: User, home: string | undefined) => MailboxPath | undefined

/**
 * A template (`readTemplate`) of paths: what ends with the part that holds its last variable
 * is fixed, or all of it where it has none. Throws as that does.
 */
export function readMailboxTemplate(text: string): MailboxTemplate {
  const path = readTemplate(text)
  const below = readTemplate(behindLastVariable(text))({ name: '', local: '', domain: '' }, '')!
  return (user, home) => {
    const made = path(user, home)
    return made === undefined ? undefined : { path: made, fixed: made.length - below.length }
  }
}

/** From the first slash behind it; '' where there is none, or no variable. */
function behindLastVariable(text: string): string {
  const [, behind] =
    /^(?:~|(?:[^%]|%%)*(?:%[undh](?:[^%]|%%)*)*%[undh])((?:[^%]|%%)*)$/.exec(text) ?? []
  const slash = behind?.indexOf('/') ?? -1
  return slash < 0 ? '' : behind!.slice(slash)
}

/** A text that is made for each user. Undefined if it would need what is not known of that user. */
type Template = (user: User, home: string | undefined) => string | undefined

/**
 * Reads a template with the variables of Dovecot's mail_location: `%u` the whole name, `%n`
 * the part before the `@`, `%d` the domain, `%h` and a leading `~` the home directory, `%%`
 * a percent sign. Throws an Error that says what is wrong with it.
 */
export function readTemplate(text: string): Template {
  const parts = text.replace(/^~(?=\/|$)/, '%h').split(/(%.?)/)
  const unknown = parts.find((part, i) => i % 2 === 1 && !/^%[undh%]$/.test(part))
  if (unknown !== undefined) throw new Error(`${unknown} is none of %u, %n, %d, %h and %%`)
  return (user, home) => {
    let made = ''
    for (const [i, part] of parts.entries()) {
      const value = i % 2 === 0 ? part : fill(part, user, home)
      if (value === undefined) return undefined
      made += value
    }
    return made
  }
}

function fill(variable: string, user: User, home: string | undefined): string | undefined {
  switch (variable) {
    case '%u':
      return user.name
    case '%n':
      return user.local
    case '%d':
      return user.domain || undefined
    case '%h':
      return home
    default:
      return '%'
  }
}

/** Whether a template needs to know where the user is at home. */
export function needsHome(text: string): boolean {
  return /^~(\/|$)|%h/.test(text.replaceAll('%%', ''))
}
