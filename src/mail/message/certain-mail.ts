import type { Header } from './header-block.ts'
import { headerFormFault } from './well-formed.ts'

/** Fields of which a mail has one beside From and Date, and which exported web pages and data lack. */
const BESIDE = ['to', 'cc', 'bcc', 'received', 'message-id', 'delivered-to', 'return-path']

/**
 * Returns whether the bytes below a header are certainly a mail. Other files also begin with fields: a
 * calendar, an address book, a mailbox, YAML, LDIF, a saved web page. The header must be well formed, have
 * one From with an address and one Date (RFC 5322 3.6), and name a recipient, a server or the message. A sender
 * may leave out Date, so a Received field, which only mail servers write, replaces it.
 */
export function isCertainlyMail(header: Header): boolean {
  if (headerFormFault(header) !== undefined) return false
  const count = (key: string) => header.fields.filter((field) => field.key === key).length
  if (count('from') !== 1 || count('date') > 1) return false
  if (count('date') === 0 && count('received') === 0) return false
  const from = header.fields.find(({ key }) => key === 'from')!
  return header.valueOf(from).includes('@') && BESIDE.some((key) => count(key) > 0)
}
