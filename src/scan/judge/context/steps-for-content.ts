import type { Header } from '../../../mail/message/header-block.ts'
import type { Message } from '../../../mail/message/message.ts'
import { headerFault } from '../../../mail/message/well-formed.ts'
import type { JudgeConfig } from './judge-config.ts'

/** The steps that apply to a message, by the address at which it arrived. */
export interface StepsForContent {
  /** Whether the received bytes are scanned first, unchanged: the client may use them as a file. */
  readonly scansRaw: boolean
  /** Whether stamps are trusted, a release lets the message in, and a cached verdict on a copy applies. */
  readonly usesVerdicts: boolean
  /** Whether it is kept out if it contains more than is read. */
  readonly appliesLimits: boolean
}

/**
 * Returns the steps that apply to a message. Stamps, releases and cached verdicts state how mail programs read a
 * message. They do not apply to a client that uses the bytes as a file. So where clients submit files,
 * scanners always receive the bytes, and reading them as a mail can only add findings.
 */
export function stepsForContent(
  { header }: Pick<Message, 'header'>,
  { resultOnlyFor }: JudgeConfig,
): StepsForContent {
  if (resultOnlyFor === undefined)
    return { scansRaw: false, usesVerdicts: true, appliesLimits: true }
  if (resultOnlyFor === 'mails') return { scansRaw: true, usesVerdicts: true, appliesLimits: true }
  return { scansRaw: true, usesVerdicts: false, appliesLimits: isCertainlyMail(header) }
}

/** Fields of which a message has one in addition to From and Date, and which exported web pages and data lack. */
const BESIDE = ['to', 'cc', 'bcc', 'received', 'message-id', 'delivered-to', 'return-path']

/**
 * Returns whether the bytes below a header are certainly a message. Other files also begin with fields: a
 * calendar, an address book, a mailbox, YAML, LDIF, a saved web page. The header must be well formed, have one
 * From with an address and one Date (RFC 5322 3.6), and name a recipient, a server or the message. A sender may
 * omit Date, so a Received field, which only mail servers write, replaces it.
 */
function isCertainlyMail(header: Header): boolean {
  if (headerFault(header) !== undefined) return false
  const count = (key: string) => header.fields.filter((field) => field.key === key).length
  if (count('from') !== 1 || count('date') > 1) return false
  if (count('date') === 0 && count('received') === 0) return false
  const from = header.fields.find(({ key }) => key === 'from')!
  return header.valueOf(from).includes('@') && BESIDE.some((key) => count(key) > 0)
}
