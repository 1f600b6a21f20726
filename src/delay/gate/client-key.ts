import type { IpAddress } from '../../ground/net/ip-address.ts'

/** Bytes of an IPv6 address that name its network. One host may use all addresses of a network. */
const IPV6_HOST_BYTES = 8

/** The key of a client: its IPv4 address, or the /64 of its IPv6 address, in hex digits. */
export function clientKey(address: IpAddress): string {
  const bytes = address.length === 4 ? address : address.subarray(0, IPV6_HOST_BYTES)
  return Buffer.from(bytes).toString('hex')
}
