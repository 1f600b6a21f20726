import { LruCache } from '../../ground/flow/lru-cache.ts'
import {
  contains,
  type IpAddress,
  type Network,
  parseIpAddress,
  parseNetwork,
} from '../../ground/net/ip-address.ts'

/** Whether the client with this IP address may ask. */
export type MayAsk = (address: string) => boolean

/** How many clients are remembered: few hosts ask, and often. */
const REMEMBERED = 1000

const loopback = ['127.0.0.0/8', '::1'].map((text) => parseNetwork(text)!)

/**
 * Allows these networks and the host itself. A client that has an IPv4 address in IPv6 form is
 * compared by its IPv4 address.
 */
export function allowNetworks(networks: readonly Network[]): MayAsk {
  const all = [...loopback, ...networks]
  const known = new LruCache<boolean>(REMEMBERED)
  return (text) => {
    let allowed = known.get(text)
    if (allowed === undefined) {
      const address: IpAddress | undefined = parseIpAddress(text)
      allowed = address !== undefined && all.some((network) => contains(network, address))
      known.set(text, allowed)
    }
    return allowed
  }
}
