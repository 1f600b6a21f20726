import { lowerCase, readAddress } from '../../../message/envelope/address.ts'

/** A user as somebody asked for it: an account or an address. Latin1, a byte a character. */
export interface User {
  readonly name: string
  /** Of an address `local@domain`; of an account, its name. */
  readonly local: string
  /** Lower case, or '' where there is none. */
  readonly domain: string
}

export const USER_NAME_MAX = 255

/** What would leave a directory, end a line or a word, or be no name to a file system. */
const NOT_IN_NAMES = /[\0-\x20\x7f/]|\.\./

/**
 * The user of that name, in lower case unless case is kept; undefined if no mailbox may
 * be looked for by it. Names come from whoever sends mail: what they may hold is decided
 * here, and nowhere behind.
 */
export function parseUser(text: string, keepCase = false): User | undefined {
  if (text.length === 0 || text.length > USER_NAME_MAX || NOT_IN_NAMES.test(text)) return undefined
  const name = keepCase ? text : lowerCase(text)
  const { local, domain } = readAddress(name)
  if (isNoComponent(local) || (domain !== undefined && isNoComponent(domain))) return undefined
  return { name, local, domain: lowerCase(domain ?? '') }
}

function isNoComponent(part: string): boolean {
  return part === '' || part === '.'
}
