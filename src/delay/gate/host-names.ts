import { InFlight } from '../../ground/flow/cache.ts'
import { limitConcurrency } from '../../ground/flow/semaphore.ts'
import { addressText, type IpAddress } from '../../ground/net/ip-address.ts'
import { type Dns, isConfirmed, lookUpNames, type Resolver } from '../shared/reverse-dns.ts'

/** Most DNS questions at a time; a server on this host would lose some if there were more. */
export const QUESTIONS_MAX = 500

/**
 * Makes a function that returns a resolver for each client. All questions of a resolver end `time`
 * milliseconds after it is made. Equal questions of several clients at the same time are asked once.
 */
export function createQuestions(dns: Dns, time: number): () => Resolver {
  const inTurn = limitConcurrency(QUESTIONS_MAX)
  const inFlight = new InFlight<readonly string[]>()
  const shared = (question: string, ask: () => Promise<readonly string[]>) =>
    inFlight.get(question) ?? inFlight.begin(question, inTurn(ask))
  return () => {
    const resolver = dns.within(time)
    return {
      names: (domain) => shared(`PTR ${domain}`, () => resolver.names(domain)),
      addresses: (name, family) =>
        shared(`${family} ${name}`, () => resolver.addresses(name, family)),
    }
  }
}

/**
 * Looks up TCPREMOTEHOST as tcpserver(1) does: the first name of the address. With -p the name
 * counts only if it has the address.
 */
export async function remoteHostOf(
  address: IpAddress,
  lookUp: 'never' | 'name' | 'confirmed name',
  resolver: Resolver,
): Promise<string | undefined> {
  if (lookUp === 'never') return undefined
  const names = await lookUpNames(address, resolver)
  const [name] = names.answer === 'names' ? names.names : []
  // An environment variable cannot hold a NUL.
  if (name === undefined || name.includes('\0')) return undefined
  if (lookUp === 'name') return name
  return (await isConfirmed(name, address, resolver)) ? name : undefined
}

/** Finds TCPLOCALHOST: the name of -l, else that of the local address, which is looked up once. */
export function createLocalHosts(
  localName: string | undefined,
): (address: IpAddress, resolver: Resolver) => Promise<string | undefined> | string {
  const known = new Map<string, Promise<string | undefined>>()
  return (address, resolver) => {
    if (localName !== undefined) return localName
    const text = addressText(address)
    const name = known.get(text) ?? remoteHostOf(address, 'name', resolver)
    known.set(text, name)
    return name
  }
}
