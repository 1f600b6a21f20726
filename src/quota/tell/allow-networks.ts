import { createLruCache } from '../../ground/flow/lru-cache.ts'
import {
  contains,
  type IpAddress,
  type Network,
  parseIpAddress,
  parseNetwork,
} from '../../ground/net/ip-address.ts'

/** Whether an address of a socket may ask. */
export type IsAllowed = (address: string) => boolean

/** Clients that are remembered: it is few hosts that ask, and often. */
const REMEMBERED = 1000

const loopback = ['127.0.0.0/8', '::1'].map((text) => parseNetwork(text)!)

/**
 * These networks and the host itself may ask. An IPv4 client on an IPv6 socket is an IPv4 client.
 */
export function allowNetworks(networks: readonly Network[]): IsAllowed {
  const all = [...loopback, ...networks]
  const known = createLruCache<boolean>(REMEMBERED)
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
