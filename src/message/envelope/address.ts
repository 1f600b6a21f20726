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

/** Only ASCII letters change: the bytes of a UTF-8 name are no letters. */
export function lowerCase(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())
}
