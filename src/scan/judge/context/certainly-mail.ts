import type { Header } from '../../../mail/message/header-block.ts'
import { headerFault } from '../../../mail/message/well-formed.ts'

/** Fields of which a message has one in addition to From and Date, and which exported web pages and data lack. */
const BESIDE = ['to', 'cc', 'bcc', 'received', 'message-id', 'delivered-to', 'return-path']

/**
 * Returns whether the bytes below a header are certainly a message. Other files also begin with fields: a
 * calendar, an address book, a mailbox, YAML, LDIF, a saved web page. The header must be well formed, have one
 * From with an address and one Date (RFC 5322 3.6), and name a recipient, a server or the message. A sender may
 * omit Date, so a Received field, which only mail servers write, replaces it.
 */
export function isCertainlyMail(header: Header): boolean {
  if (headerFault(header) !== undefined) return false
  const count = (key: string) => header.fields.filter((field) => field.key === key).length
  if (count('from') !== 1 || count('date') > 1) return false
  if (count('date') === 0 && count('received') === 0) return false
  const from = header.fields.find(({ key }) => key === 'from')!
  return header.valueOf(from).includes('@') && BESIDE.some((key) => count(key) > 0)
}
