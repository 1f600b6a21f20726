import {
  contains,
  type Network,
  parseIpAddress,
  parseNetwork,
} from '../../ground/net/ip-address.ts'

/** Whether the client with this IP address may ask. */
export type MayAsk = (address: string) => boolean

const loopback = ['127.0.0.0/8', '::1'].map((text) => parseNetwork(text)!)

/**
 * Allows these networks and the host itself. A client that has an IPv4 address in IPv6 form is
 * compared by its IPv4 address.
 */
export function allowNetworks(networks: readonly Network[]): MayAsk {
  const all = [...loopback, ...networks]
  return (text) => {
    const address = parseIpAddress(text)
    return address !== undefined && all.some((network) => contains(network, address))
  }
}
