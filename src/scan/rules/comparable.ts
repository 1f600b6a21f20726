import { isUtf8 } from 'node:buffer'
import { domainToASCII } from 'node:url'
import {
  lowerCase,
  type MailAddress,
  mailboxOf,
  withPlainDomain,
} from '../../mail/message/envelope/address.ts'

/** The mailbox of an address in the form that patterns have, however the address is written. */
export interface Comparable {
  readonly whole: string
  readonly domain: string | undefined
}

/**
 * Brings an address into the form of patterns, since clients choose how they write it: in lower
 * case, also in UTF-8 (RFC 6531), without quotes and source route, and with a domain in its form
 * with xn-- (RFC 5891).
 */
export function comparable(address: MailAddress): Comparable {
  const { local, domain: plain } = withPlainDomain(mailboxOf(address))
  const domain = plain && asciiDomain(plain)
  return { whole: lowerMailbox(local) + (domain === undefined ? '' : `@${domain}`), domain }
}

/**
 * What stands after the `@` if it is not the name of a domain: nothing, or the address of a host.
 */
const NO_NAME = /^(?:\[.*|[\d.]*)$/s

/**
 * Returns the local part of a recipient that names no domain, as `postmaster` (RFC 5321 4.5.1) or
 * `postmaster@[192.0.2.7]`, and undefined for any other recipient. The mail server delivers to a
 * mailbox in a domain of its own, and it alone knows in which.
 */
export function localWithoutDomain(recipient: MailAddress): string | undefined {
  const { local, domain = '' } = mailboxOf(recipient)
  return NO_NAME.test(domain) ? lowerMailbox(local) : undefined
}

/** Lowers all letters of a local part (latin1) that is UTF-8, and else those of ASCII alone. */
function lowerMailbox(local: string): string {
  const bytes = Buffer.from(local, 'latin1')
  if (!/[\x80-\xff]/.test(local) || !isUtf8(bytes)) return lowerCase(local)
  return Buffer.from(bytes.toString('utf8').toLowerCase()).toString('latin1')
}

/**
 * Returns the form of a domain (latin1) that DNS has, or the domain itself if it is not a name of DNS.
 */
export function asciiDomain(domain: string): string {
  if (!/[\x80-\xff]/.test(domain)) return domain
  return domainToASCII(Buffer.from(domain, 'latin1').toString('utf8')) || domain
}
