import { mayNameMailbox } from '../../../base/protocol/quota/quota-answer.ts'
import { addressOf, type MailAddress } from '../../../base/text/address.ts'
import type { ExplainedAnswer } from './quota-lookup.ts'
import type { QuotaSettings } from './quota-settings.ts'

/** The mailbox that a query is about. */
export interface NamedMailbox {
  /**
   * The address with a plain domain. Answers are cached under the address, because two domains may each have
   * a mailbox `ann`.
   */
  readonly address: MailAddress
  /** The name of the mailbox in the service. */
  readonly name: string
}

/** Upper limit, in bytes, for an address that may have a mailbox. */
const LOOKED_UP_ADDRESS_MAX = 1024

/**
 * Returns the mailbox of an address with a plain domain. Returns undefined if no mailbox may have the name.
 */
export function namedMailboxOf(
  address: MailAddress,
  style: QuotaSettings['nameStyle'],
): NamedMailbox | undefined {
  if (address.text.length > LOOKED_UP_ADDRESS_MAX) return undefined
  const name = style === 'local' ? address.local : address.text
  return address.local !== '' && mayNameMailbox(name) ? { address, name } : undefined
}

/** Upper limit for the extensions that are removed one after the other. Each costs a request. */
const EXTENSIONS_MAX = 4

/**
 * Resolves to the answer about the whole address. If that has no mailbox, extensions are removed one by one,
 * and the answer about the first existing mailbox applies. `mailbox` names it. If an answer is unknown, no
 * shorter address is tried.
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
