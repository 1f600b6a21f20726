import { Resolver as DnsResolver } from 'node:dns'
import { errorCode, errorText, Fault } from '../../base/errors/fault.ts'
import { codeInWords } from '../../base/errors/system-error.ts'
import { type IpAddress, parseIpAddress } from '../../base/net/ip-address.ts'
import { isCompiled } from '../../base/runtime/compiled-program.ts'

/** The names of an address by reverse DNS: some, certainly none, or *unknown*. */
export type ReverseNames =
  | { readonly answer: 'names'; readonly names: readonly string[] }
  | { readonly answer: 'none' }
  | { readonly answer: 'unknown'; readonly reason: string }

/** Queries the DNS. Rejects with the codes of c-ares (`ENOTFOUND`, `ESERVFAIL`). */
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
    return { answer: 'unknown', reason: codeInWords(errorCode(error)) || errorText(error) }
  }
}

/** Returns the domain under which DNS has the name of an address: RFC 1035 3.5, RFC 3596 2.5. */
function reverseDomain(address: IpAddress): string {
  const reversed = Array.from(address).reverse()
  if (address.length === 4) return `${reversed.join('.')}.in-addr.arpa`
  const nibbles = reversed.flatMap((byte) => [byte & 15, byte >> 4])
  return `${nibbles.map((nibble) => nibble.toString(16)).join('.')}.ip6.arpa`
}

/**
 * Resolves to whether the DNS has the address under the name. Otherwise the name is not trusted, because the
 * owner of the address chose it. Never rejects: without an answer the name is not confirmed.
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

/** Milliseconds after which a query is sent again, and how often it is sent in all. */
const RESEND_AFTER = 1500
const TRIES = 4

/**
 * Milliseconds after which a second query is sent in Bun 1.4. If no process listens on the server's port, Bun
 * reports that for the first query only when another one fails. The second query is about a name below
 * `.invalid`, which every server answers itself (RFC 6761 6.4). The name is new each time, because Bun joins
 * equal queries.
 */
const PROD_AFTER = 100

/**
 * Returns a function that creates a resolver for each client. All queries of a resolver end `time`
 * milliseconds after its creation. A query without an answer by then rejects with `ETIMEOUT`. The resolver of
 * the runtime, c-ares, accepts an answer only from the server and port that it queried, with the number of
 * its query. `servers` are `ADDRESS[:PORT]`. If there are none, those of resolv.conf(5) are queried. `uptime`
 * is milliseconds on a monotonic clock.
 */
export function openDns(
  servers: readonly string[],
  time: number,
  uptime: () => number,
): () => Resolver {
  const dns = new DnsResolver({ timeout: RESEND_AFTER, tries: TRIES })
  if (servers.length > 0) setServers(dns, servers)
  let prods = 0
  const prod = () => dns.resolve4(`${++prods}.invalid`, () => {})
  return () => {
    const end = uptime() + time
    const ask = <T>(question: (done: (error: Error | null, answer: T) => void) => void) =>
      new Promise<T>((resolve, reject) => {
        const late = isCompiled ? setTimeout(prod, PROD_AFTER) : undefined
        const deadline = setTimeout(() => reject(noAnswer()), Math.max(0, end - uptime()))
        question((error, answer) => {
          clearTimeout(late)
          clearTimeout(deadline)
          if (error) reject(error)
          else resolve(answer)
        })
      })
    return {
      names: (domain) => ask((done) => dns.resolvePtr(domain, done)),
      addresses: (name, family) =>
        ask((done) => (family === 4 ? dns.resolve4(name, done) : dns.resolve6(name, done))),
    }
  }
}

function noAnswer(): Error {
  return Object.assign(new Error('no answer in time'), { code: 'ETIMEOUT' })
}

function setServers(dns: DnsResolver, servers: readonly string[]): void {
  try {
    dns.setServers(servers)
  } catch (error) {
    throw new Fault('config', `DNS server ${servers.join(' ')}: is not ADDRESS[:PORT]`, error)
  }
}
