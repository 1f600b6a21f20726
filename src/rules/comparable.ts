import { domainToASCII } from 'node:url'
import {
  lowerCase,
  type MailAddress,
  mailboxOf,
  withPlainDomain,
} from '../message/envelope/address.ts'

/** The mailbox of an address in the form that patterns have, however the address is written. */
export interface Comparable {
  readonly whole: string
  readonly domain: string | undefined
}

/**
 * Brings an address into the form of patterns, since clients choose how they write it: in lower case,
 * without quotes and source route, and with a domain in UTF-8 (RFC 6531) in its form with xn-- (RFC 5891).
 */
export function comparable(address: MailAddress): Comparable {
  const { local, domain: plain } = withPlainDomain(mailboxOf(address))
  const domain = plain && asciiDomain(plain)
  return { whole: lowerCase(local) + (domain === undefined ? '' : `@${domain}`), domain }
}

/** Returns the form of a domain (latin1) that DNS has, or the domain itself if it is no name of DNS. */
export function asciiDomain(domain: string): string {
  if (!/[\x80-\xff]/.test(domain)) return domain
  return domainToASCII(Buffer.from(domain, 'latin1').toString('utf8')) || domain
}
