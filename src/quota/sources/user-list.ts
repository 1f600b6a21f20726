import { errorText } from '../../fault.ts'
import type { LookUpUser } from './account.ts'
import { homeIn } from './home.ts'
import { type Limits, parseLimits } from './limits.ts'
import { parseTable, type TableFile, tableFile } from './table-file.ts'
import { lowerCase, type User } from './user-name.ts'

/** Users of a file with lines `user: home`. */
export function homesFile(path: string, uptime: () => number): LookUpUser {
  const homes = tableFile(path, (text) => parseTable(text, homeIn), uptime)
  return (user) => {
    try {
      const home = homes(lowerCase(user.name))
      return home === undefined ? { found: 'nobody' } : { found: 'account', home }
    } catch (error) {
      return { found: 'trouble', why: errorText(error) }
    }
  }
}

/** Limits by a file with lines `user: quota`; see `entryOf` for what `user` may be. Throws an Error where it cannot be used. */
export function limitsFile(path: string, uptime: () => number): (user: User) => Limits | undefined {
  const limits = tableFile(path, (text) => parseTable(text, parseLimits), uptime)
  return (user) => entryOf(limits, user)
}

/** The entry of the user, else that of the domain, `@example.org`, else that of all, `*`. */
function entryOf<Value>(file: TableFile<Value>, { name, domain }: User): Value | undefined {
  return file(lowerCase(name)) ?? (domain ? file(`@${domain}`) : undefined) ?? file('*')
}
