import { type Address, parseAddress, reverseDomain } from '../../net/address.ts'
import { errorCode, errorText } from '../../runtime/fault.ts'

/** Names of an address: some, for certain none, or could not tell. */
export type Names =
  | { readonly answer: 'names'; readonly names: readonly string[] }
  | { readonly answer: 'none' }
  | { readonly answer: 'unknown'; readonly why: string }

/** Questions to the DNS. They reject with c-ares' codes (`ENOTFOUND`, `ESERVFAIL`). */
export interface Resolver {
  /** PTR records of a domain. */
  names(domain: string): Promise<readonly string[]>
  /** A or AAAA records of a name. */
  addresses(name: string, family: 4 | 6): Promise<readonly string[]>
}

/** There is no such domain, or none with such a record; all other codes are of the moment. */
const NO_SUCH_NAME = ['ENOTFOUND', 'ENODATA']

/** The names that reverse DNS has for an address. Never rejects. */
export async function lookUpNames(address: Address, resolver: Resolver): Promise<Names> {
  try {
    const answers = await resolver.names(reverseDomain(address))
    const names = answers.filter((name) => name !== '' && name !== '.')
    return names.length > 0 ? { answer: 'names', names } : { answer: 'none' }
  } catch (error) {
    if (NO_SUCH_NAME.includes(errorCode(error))) return { answer: 'none' }
    return { answer: 'unknown', why: errorCode(error) || errorText(error) }
  }
}

/**
 * Whether the name leads back to the address. A name is the client's own word until it
 * does. Never rejects; no answer is no confirmation.
 */
export async function isConfirmed(
  name: string,
  address: Address,
  resolver: Resolver,
): Promise<boolean> {
  try {
    const answers = await resolver.addresses(name, address.length === 4 ? 4 : 6)
    return answers.some((answer) => {
      const found = parseAddress(answer)
      return found !== undefined && Buffer.compare(found, address) === 0
    })
  } catch {
    return false
  }
}
