/**
 * An address of mail; latin1, a character a byte. It is taken apart once, when it is read, and
 * stays in this form.
 */
export interface MailAddress {
  /** As it was written. */
  readonly text: string
  /** What stands before its last `@`. */
  readonly local: string
  /** What stands behind it; undefined for a name without one. */
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

/** The address with its domain in lower case and without the dot of the root, which MTAs take. */
export function withPlainDomain(address: MailAddress): MailAddress {
  const { local, domain } = address
  const plain = domain && lowerCase(domain).replace(/(?<=[^.])\.$/, '')
  return plain === domain ? address : addressOf(local, plain)
}

/**
 * The mailbox that an address means, however it is written: without a source route and
 * without quotes in its local part (RFC 5321 4.1.2 and F.2). MTAs tell it as the client did.
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

/** Only ASCII letters change: the bytes of a UTF-8 name are no letters. */
export function lowerCase(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())
}
