import { errorCode, errorText } from '../../ground/errors/fault.ts'
import { type IpAddress, parseIpAddress, reverseDomain } from '../../ground/net/ip-address.ts'

/** The names of an address by reverse DNS: some, certainly none, or *could not tell*. */
export type ReverseNames =
  | { readonly answer: 'names'; readonly names: readonly string[] }
  | { readonly answer: 'none' }
  | { readonly answer: 'unknown'; readonly why: string }

/** Asks the DNS. Rejects with the codes of c-ares (`ENOTFOUND`, `ESERVFAIL`). */
export interface Resolver {
  /** PTR records of a domain. */
  names(domain: string): Promise<readonly string[]>
  /** A or AAAA records of a name. */
  addresses(name: string, family: 4 | 6): Promise<readonly string[]>
}

/** The codes for "no such domain" and "no such record". All other codes may be temporary. */
const NO_SUCH_NAME = ['ENOTFOUND', 'ENODATA']

/** Looks up the names that reverse DNS has for an address. Never rejects. */
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
 * Whether the name has the address. A name that has not is worth nothing, since whoever has the
 * address chose it. Never rejects: without an answer the name is not confirmed.
 */
export async function isConfirmed(
  name: string,
  address: IpAddress,
  resolver: Resolver,
): Promise<boolean> {
  try {
    const answers = await resolver.addresses(name, address.length === 4 ? 4 : 6)
    return answers.some((answer) => {
      const parsed = parseIpAddress(answer)
      return parsed !== undefined && Buffer.compare(parsed, address) === 0
    })
  } catch {
    return false
  }
}
