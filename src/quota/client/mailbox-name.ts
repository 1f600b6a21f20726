/** Bytes of a name that a service takes: no file name is longer. */
export const NAME_MAX = 255

/** What a service calls a mailbox: the whole address, or what stands before its last `@`. */
export type NameForm = 'address' | 'local'

/**
 * The name to ask for, as latin1 with the domain in lower case; undefined for an address
 * that can be no mailbox's name: blanks and control bytes would be read as something
 * else on the wire, `/` and `..` in a path.
 */
export function mailboxName(address: Buffer, form: NameForm): string | undefined {
  if (address.length > 1024) return undefined
  const text = withPlainDomain(address.toString('latin1'))
  const at = text.lastIndexOf('@')
  const local = at < 0 ? text : text.slice(0, at)
  const name = form === 'local' ? local : text
  const usable = local !== '' && name.length <= NAME_MAX && /^[!-.0-~\x80-\xff]+$/.test(name)
  return usable && !name.includes('..') ? name : undefined
}

/**
 * The address (latin1) with its domain in lower case and without the dot of the root, which
 * MTAs take. Of ASCII letters alone, for the bytes of an UTF-8 name are no letters.
 */
export function withPlainDomain(address: string): string {
  const at = address.lastIndexOf('@')
  if (at < 0) return address
  const domain = address.slice(at).replace(/[A-Z]+/g, (letters) => letters.toLowerCase())
  return address.slice(0, at) + domain.replace(/(?<=[^@.])\.$/, '')
}
