import { domainToASCII, domainToUnicode } from 'node:url'

/** An address of mail, parted into mailbox and domain. Each character is one byte (latin1). */
export interface MailAddress {
  /** The address as it was written. */
  readonly text: string
  /** The part before the last `@`. */
  readonly local: string
  /** The part after the last `@`, or undefined if there is none. */
  readonly domain: string | undefined
}

export function readAddress(written: Buffer | string): MailAddress {
  const text = typeof written === 'string' ? written : written.toString('latin1')
  const at = text.lastIndexOf('@')
  if (at < 0) return { text, local: text, domain: undefined }
  return { text, local: text.slice(0, at), domain: text.slice(at + 1) }
}

export function addressOf(local: string, domain: string | undefined): MailAddress {
  return { text: domain === undefined ? local : `${local}@${domain}`, local, domain }
}

export function addressBytes({ text }: MailAddress): Buffer {
  return Buffer.from(text, 'latin1')
}

/** Returns the address with its domain in lower case and without a dot at its end, which MTAs ignore. */
export function withPlainDomain(address: MailAddress): MailAddress {
  const { local, domain } = address
  const plain = domain && lowerCase(domain).replace(/(?<=[^.])\.$/, '')
  return plain === domain ? address : addressOf(local, plain)
}

/**
 * Returns the mailbox of an address: without a source route, and without quotes in its local part (RFC
 * 5321 4.1.2 and F.2). MTAs pass the address on as the client wrote it.
 */
export function mailboxOf(address: MailAddress): MailAddress {
  const { local, domain } = withoutRoute(address)
  const plain = local.replace(/\\(.)|"/gs, (_, quoted = '') => quoted)
  return addressOf(plain, domain)
}

function withoutRoute(address: MailAddress): MailAddress {
  const { text } = address
  return text.startsWith('@') ? readAddress(text.replace(/^@[^:"]*:/, '')) : address
}

/** Lowers ASCII letters alone: the bytes of a UTF-8 name are not letters. */
export function lowerCase(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())
}

/**
 * A path of RFC 5321 with a Mailbox that all mail servers interpret alike. Local parts that some servers
 * parse again do not match: those with `%`, `!` or escapes, or with special characters in quotes. Dots are
 * accepted anywhere, because some telephone companies assigned such addresses.
 */
const PLAIN_PATH =
  /^<(?:(?:[\w.#$&'*+/=?^`{|}~\x80-\xff-]+|"[\w. #$&'*+/=?^`{|}~\x80-\xff-]+")@(?:[\w\x80-\xff-]+(?:\.[\w\x80-\xff-]+)*|\[(?:IPv6:)?[0-9a-f:.]+\])|postmaster)>$/i

/** Characters that programs ignore when they compare or look up names. */
const IGNORED = /\p{Default_Ignorable_Code_Point}/u

/** Returns whether a path, with its angle brackets, names one mailbox for all mail servers. */
export function isPlainPath(path: Buffer): boolean {
  const text = path.toString('latin1')
  if (!PLAIN_PATH.test(text)) return false
  if (!/[\x80-\xff]/.test(text)) return true
  const { local, domain = '' } = readAddress(path.toString('utf8').slice(1, -1))
  return !foldsToAscii(local + domain) && !IGNORED.test(local) && isUnicodeDomain(domain)
}

/**
 * Returns whether letters become ASCII when case and width are normalized, as servers may do: the sharp s is
 * two letters in capitals.
 */
function foldsToAscii(text: string): boolean {
  const lower = text
    .replace(/[ -~]+/g, '')
    .normalize('NFKC')
    .toLowerCase()
  return /[ -~]/.test(lower + lower.toUpperCase())
}

/**
 * Returns whether a domain with letters outside ASCII is written as it is displayed (RFC 5890, U-label).
 * Otherwise DNS looks up another name than the written one: `e` for its full-width form, nothing for a soft
 * hyphen, a dot for that of other scripts.
 */
function isUnicodeDomain(domain: string): boolean {
  return !/[^ -~]/.test(domain) || domainToUnicode(domainToASCII(domain)) === domain.toLowerCase()
}
