import { readTemplate } from './template.ts'
import type { User } from './user-name.ts'

/** Where a mailbox lies; latin1, a byte a character. */
export interface Mailbox {
  readonly path: string
  /**
   * How many characters of the path belong to whoever set up the mailboxes, up to the
   * directory of the user. Links are followed in these; what is below, users can change.
   */
  readonly fixed: number
}

/** Undefined where it would need what is not known of that user. */
export type MailboxTemplate = (user: User, home: string | undefined) => Mailbox | undefined

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
