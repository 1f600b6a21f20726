import { isPlainPath, lowerCase, mailboxOf, readAddress } from '../../base/text/address.ts'
import { asciiDomain } from '../scan/rules/match.ts'

/** Whose mail a person may see and act on. */
export interface Reader {
  /** Addresses, domains, and `.domain` for all below it; undefined: all mail. */
  readonly to?: readonly string[] | undefined
  /** Kinds of findings: mail with others the person does not release; undefined: all kinds. */
  readonly releases?: readonly string[] | undefined
}

/** A user who may read the directory, at a command line. No function has it as its default: a caller that forgets it would release everybody's mail. */
export const ALL_MAIL: Reader = {}

/** Returns the recipients, latin1, who are in the care of a person. */
export function recipientsFor({ to }: Reader, recipients: readonly string[]): readonly string[] {
  return to === undefined ? recipients : recipients.filter((address) => isFor(to, address))
}

/**
 * Returns whether mail may be sent to an address for a person: it is in the person's care, and all mail servers interpret it
 * alike, so that it does not lead to another place.
 */
export const isInCare = (reader: Reader, address: string): boolean =>
  recipientsFor(reader, [address]).length === 1 &&
  isPlainPath(Buffer.from(`<${address}>`, 'latin1'))

/** Whether a person may release mail that is kept for these grounds. */
export const mayRelease = ({ releases }: Reader, grounds: string): boolean =>
  releases === undefined || releases.includes(grounds)

function isFor(to: readonly string[], address: string): boolean {
  const { local, domain = '' } = mailboxOf(readAddress(address))
  const plain = plainDomain(domain)
  return to.some((written) => {
    const pattern = Buffer.from(written).toString('latin1')
    if (pattern.startsWith('.')) return plain.endsWith(plainDomain(pattern))
    if (!pattern.includes('@')) return plain === plainDomain(pattern)
    const own = readAddress(pattern)
    return lowerCase(own.local) === lowerCase(local) && plainDomain(own.domain!) === plain
  })
}

/** Returns a domain, latin1, as it is compared. */
export const plainDomain = (domain: string): string =>
  asciiDomain(lowerCase(domain)).replace(/\.$/, '')
