import { addressOf, type MailAddress } from '../../message/envelope/address.ts'
import type { Explained } from './quota-answer.ts'

/** Bytes of a name that a service takes: no file name is longer. */
export const NAME_MAX = 255

/** What a service calls a mailbox: the whole address, or what stands before its last `@`. */
export type NameForm = 'address' | 'local'

/** Whom a question is about. */
export interface NamedMailbox {
  /**
   * The address with a plain domain. Answers are kept by it: services of two domains may call two
   * mailboxes `ann`.
   */
  readonly address: MailAddress
  /** What its service calls it. */
  readonly name: string
}

/** Bytes of an address that is looked at. */
const ADDRESS_MAX = 1024

/**
 * The mailbox of an address with a plain domain; undefined for what can be no mailbox's name:
 * blanks and control bytes would be read as something else on the wire, `/` and `..` in a path.
 */
export function mailboxOf(address: MailAddress, form: NameForm): NamedMailbox | undefined {
  if (address.text.length > ADDRESS_MAX) return undefined
  const name = form === 'local' ? address.local : address.text
  const usable =
    address.local !== '' && name.length <= NAME_MAX && /^[!-.0-~\x80-\xff]+$/.test(name)
  return usable && !name.includes('..') ? { address, name } : undefined
}

/** Extensions that are left out one after the other: each is a question. */
export const EXTENSIONS_MAX = 4

/**
 * The answer about the whole address. If there is no such user, the answer about the longest
 * address without an extension that has a user; `mailbox` names that one. If the service could not
 * tell, no shorter address is tried.
 */
export async function findByExtension(
  address: MailAddress,
  delimiters: string,
  find: (address: MailAddress) => Promise<Explained>,
): Promise<Explained> {
  const whole = await find(address)
  if (!whole.isNobodys || delimiters === '') return whole
  for (const shorter of withoutExtension(address, delimiters)) {
    const found = await find(shorter)
    if (!found.isNobodys) return { ...found, mailbox: shorter.text }
  }
  return whole
}

/**
 * The addresses of which this one may be an extension, the longest first:
 * `ann-lee-lists-qmail@d` may be of `ann-lee-lists@d`, of `ann-lee@d`, of `ann@d`, as in
 * qmail-getpw(8) and by Postfix's recipient_delimiter. Each character of `delimiters`
 * begins an extension, unless the name before it would be empty.
 */
function* withoutExtension(
  { local, domain }: MailAddress,
  delimiters: string,
): Generator<MailAddress> {
  let left = EXTENSIONS_MAX
  for (let end = local.length - 1; end > 0 && left > 0; end--) {
    if (!delimiters.includes(local[end]!)) continue
    yield addressOf(local.slice(0, end), domain)
    left--
  }
}
