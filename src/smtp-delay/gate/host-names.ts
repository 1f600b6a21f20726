import type { Address } from '../../net/address.ts'
import { addressText } from '../../net/address.ts'
import { limitConcurrency } from '../../runtime/concurrency.ts'
import { createUnderWay } from '../../runtime/under-way.ts'
import type { Dns } from '../shared/dns-resolver.ts'
import { isConfirmed, lookUpNames, type Resolver } from '../shared/reverse-dns.ts'

/** Questions on their way at the same time: more at once than a server of this host can hold are lost. */
const QUESTIONS_MAX = 500

/**
 * Resolvers for many clients at once, each with `time` milliseconds from when it is made. Who asks
 * what another one asks already gets the same answer.
 */
export function createQuestions(dns: Dns, time: number): () => Resolver {
  const inTurn = limitConcurrency(QUESTIONS_MAX)
  const underWay = createUnderWay<readonly string[]>()
  const shared = (question: string, ask: () => Promise<readonly string[]>) =>
    underWay.get(question) ?? underWay.begin(question, inTurn(ask))
  return () => {
    const own = dns.within(time)
    return {
      names: (domain) => shared(`PTR ${domain}`, () => own.names(domain)),
      addresses: (name, family) => shared(`${family} ${name}`, () => own.addresses(name, family)),
    }
  }
}

/** TCPREMOTEHOST of tcpserver(1): the first name of the address, with -p if it leads back to it. */
export async function remoteHostOf(
  address: Address,
  lookUp: 'never' | 'name' | 'confirmed name',
  resolver: Resolver,
): Promise<string | undefined> {
  if (lookUp === 'never') return undefined
  const names = await lookUpNames(address, resolver)
  const [name] = names.answer === 'names' ? names.names : []
  // Only a name that a variable can hold.
  if (name === undefined || name.includes('\0')) return undefined
  if (lookUp === 'name') return name
  return (await isConfirmed(name, address, resolver)) ? name : undefined
}

/** TCPLOCALHOST: what -l says, or the name of our own address, which is asked for once. */
export function createLocalHosts(
  localName: string | undefined,
): (address: Address, resolver: Resolver) => Promise<string | undefined> | string {
  const known = new Map<string, Promise<string | undefined>>()
  return (address, resolver) => {
    if (localName !== undefined) return localName
    const text = addressText(address)
    const name = known.get(text) ?? remoteHostOf(address, 'name', resolver)
    known.set(text, name)
    return name
  }
}
