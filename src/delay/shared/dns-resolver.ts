import { Resolver as DnsResolver } from 'node:dns'
import { Fault } from '../../ground/errors/fault.ts'
import { isCompiled } from '../../ground/runtime/compiled-program.ts'
import type { Resolver } from './reverse-dns.ts'

/** A question is sent again after this many milliseconds, and this many times in all. */
const RESEND_AFTER = 1500
const TRIES = 4

/**
 * Milliseconds for an answer, after which Bun 1.4 is asked something else: if nobody has the
 * server's port it neither answers the one question nor rests until a second one fails. Names below
 * `.invalid` are answered by the first server that hears of them (RFC 6761 6.4); each is another
 * one, since Bun asks nothing twice at the same time.
 */
const PROD_AFTER = 100

/** Servers to ask. */
export interface Dns {
  /**
   * A resolver whose questions together have so many milliseconds from now; what is not
   * answered then rejects with `ETIMEOUT`.
   */
  within(time: number): Resolver
}

/**
 * The resolver of the runtime (c-ares, which takes an answer only from the server and
 * port that were asked, under the number of the question). `servers` are
 * `ADDRESS[:PORT]`; none means those of resolv.conf(5). `uptime` is milliseconds on a clock that
 * nobody sets.
 */
export function openDns(servers: readonly string[], uptime: () => number): Dns {
  const dns = new DnsResolver({ timeout: RESEND_AFTER, tries: TRIES })
  if (servers.length > 0) setServers(dns, servers)
  let prods = 0
  const prod = () => dns.resolve4(`${++prods}.invalid`, () => {})
  return {
    within(time) {
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
    },
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
