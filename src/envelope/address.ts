/** An address of mail in two, latin1: what stands before its last `@`, and behind it. */
export interface MailAddress {
  readonly local: string
  /** Undefined for a name without one. */
  readonly domain: string | undefined
}

export function readAddress(written: Buffer | string): MailAddress {
  const text = typeof written === 'string' ? written : written.toString('latin1')
  const at = text.lastIndexOf('@')
  if (at < 0) return { local: text, domain: undefined }
  return { local: text.slice(0, at), domain: text.slice(at + 1) }
}

export function addressText({ local, domain }: MailAddress): string {
  return domain === undefined ? local : `${local}@${domain}`
}

/** The address with its domain in lower case and without the dot of the root, which MTAs take. */
export function withPlainDomain({ local, domain }: MailAddress): MailAddress {
  return { local, domain: domain && lowerCase(domain).replace(/(?<=[^.])\.$/, '') }
}

/** Of ASCII letters alone: the bytes of an UTF-8 name are no letters. */
export function lowerCase(text: string): string {
  return /[A-Z]/.test(text) ? text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()) : text
}
