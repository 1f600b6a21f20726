import { errorCode, errorText } from '../../ground/errors/fault.ts'
import { type IpAddress, parseIpAddress, reverseDomain } from '../../ground/net/ip-address.ts'

/** The names of an address: some, certainly none, or could not tell. */
export type ReverseNames =
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

/** These codes say that there is no such domain, or no such record; all others may pass. */
const NO_SUCH_NAME = ['ENOTFOUND', 'ENODATA']

/** The names that reverse DNS has for an address. Never rejects. */
export async function lookUpNames(address: IpAddress, resolver: Resolver): Promise<ReverseNames> {
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
 * Whether the name leads back to the address. Until it does, a name is only what the client says.
 * Never rejects; no answer is no confirmation.
 */
export async function isConfirmed(
  name: string,
  address: IpAddress,
  resolver: Resolver,
): Promise<boolean> {
  try {
    const answers = await resolver.addresses(name, address.length === 4 ? 4 : 6)
    return answers.some((answer) => {
      const found = parseIpAddress(answer)
      return found !== undefined && Buffer.compare(found, address) === 0
    })
  } catch {
    return false
  }
}
