import type { User } from './user-name.ts'

/** A text that is made for each user. Undefined where it would need what is not known of that user. */
export type Template = (user: User, home: string | undefined) => string | undefined

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
