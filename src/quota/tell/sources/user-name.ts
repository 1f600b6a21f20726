import { lowerCase, readAddress } from '../../../message/envelope/address.ts'

/** The user that a question is about: an account or an address. Latin1, a character a byte. */
export interface User {
  readonly name: string
  /** The local part of an address; the name of an account. */
  readonly local: string
  /** The domain in lower case; '' for an account. */
  readonly domain: string
}

export const USER_NAME_MAX = 255

/** Characters that end a line, a word or a file name, and `..`, which leaves a directory. */
const NOT_IN_NAMES = /[\0-\x20\x7f/]|\.\./

/**
 * Reads the name of a user, in lower case unless `keepCase`. Returns undefined if no mailbox may
 * be looked for under that name. Names come from whoever sends mail, and this is the only check of
 * them.
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
