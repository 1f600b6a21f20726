import { addressOf, type MailAddress } from '../../mail/message/envelope/address.ts'
import type { ExplainedAnswer } from './quota-answer.ts'

/** Most bytes of a mailbox's name: no file name is longer. */
export const NAME_MAX = 255

/** The name of a mailbox for a service: the whole address, or the part before its last `@`. */
export type NameForm = 'address' | 'local'

/** The mailbox that a question is about. */
export interface NamedMailbox {
  /**
   * The address with a plain domain. Answers are remembered under the address, since two domains
   * may each have a mailbox `ann`.
   */
  readonly address: MailAddress
  /** The name that the service is asked about. */
  readonly name: string
}

/** Most bytes of an address that may have a mailbox. */
const ADDRESS_MAX = 1024

/**
 * Returns the mailbox of an address with a plain domain. Undefined if no mailbox may have the name:
 * blanks and control bytes would break the protocol, and `/` and `..` the paths of the service.
 */
export function namedMailboxOf(address: MailAddress, form: NameForm): NamedMailbox | undefined {
  if (address.text.length > ADDRESS_MAX) return undefined
  const name = form === 'local' ? address.local : address.text
  const usable =
    address.local !== '' && name.length <= NAME_MAX && /^[!-.0-~\x80-\xff]+$/.test(name)
  return usable && !name.includes('..') ? { address, name } : undefined
}

/** Most extensions that are cut off one after the other; each costs a question. */
const EXTENSIONS_MAX = 4

/**
 * Resolves to the answer about the whole address. If it has no mailbox, extensions are cut off one
 * by one, and the answer about the first mailbox that exists counts; `mailbox` names it. If the
 * service cannot tell, no shorter address is tried.
 */
export async function findByExtension(
  address: MailAddress,
  delimiters: string,
  find: (address: MailAddress) => Promise<ExplainedAnswer>,
): Promise<ExplainedAnswer> {
  const whole = await find(address)
  if (!whole.isUnknownUser || delimiters === '') return whole
  for (const shorter of withoutExtension(address, delimiters)) {
    const found = await find(shorter)
    if (!found.isUnknownUser) return { ...found, mailbox: shorter.text }
  }
  return whole
}

/**
 * Yields the addresses without one extension after the other, the longest first. For
 * `ann-lee-lists-qmail@d` these are `ann-lee-lists@d`, `ann-lee@d` and `ann@d`, as in qmail-getpw(8)
 * and with Postfix's recipient_delimiter. Each character of `delimiters` begins an extension, unless
 * the name before it would be empty.
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
