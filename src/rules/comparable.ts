import { domainToASCII } from 'node:url'
import {
  lowerCase,
  type MailAddress,
  mailboxOf,
  withPlainDomain,
} from '../message/envelope/address.ts'

/** An address in the form of patterns: the mailbox that it means, however it is written. */
export interface Comparable {
  readonly whole: string
  readonly domain: string | undefined
}

/**
 * Letters of any case are the same, quotes and a source route change nothing (clients choose how
 * they write an address), and a domain in UTF-8 (RFC 6531) is its form with xn-- (RFC 5891).
 */
export function comparable(address: MailAddress): Comparable {
  const { local, domain: plain } = withPlainDomain(mailboxOf(address))
  const domain = plain && asciiDomain(plain)
  return { whole: lowerCase(local) + (domain === undefined ? '' : `@${domain}`), domain }
}

/** The domain, latin1, as DNS has it; what is no name of DNS stays as it is. */
export function asciiDomain(domain: string): string {
  if (!/[\x80-\xff]/.test(domain)) return domain
  return domainToASCII(Buffer.from(domain, 'latin1').toString('utf8')) || domain
}
