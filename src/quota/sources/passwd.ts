import { errorText } from '../../fault.ts'
import type { LookUpUser } from './account.ts'
import { homeIn } from './home.ts'
import { type Table, tableFile } from './table-file.ts'

/** Users and homes of a file in the form of passwd(5): of an address, the local part is the user. */
export function passwdFile(path: string, uptime: () => number): LookUpUser {
  const homeOf = tableFile(path, parsePasswd, uptime)
  return (user) => {
    try {
      const home = homeOf(user.local)
      return home === undefined ? { found: 'nobody' } : { found: 'account', home }
    } catch (error) {
      return { found: 'trouble', why: errorText(error) }
    }
  }
}

/** Name to home directory. Lines that are no entries are left out, as getpwnam(3) leaves them out. */
export function parsePasswd(text: string): Table<string> {
  const homes = new Map<string, string>()
  for (const line of text.split('\n')) {
    const [name, , , , , written = ''] = line.split(':')
    const home = homeIn(written)
    if (name && home !== undefined && !homes.has(name)) homes.set(name, home)
  }
  return homes
}
