import type { IpAddress } from '../../ground/net/ip-address.ts'

/**
 * Bytes of an IPv6 address that the network gives: one host may have all addresses that begin so.
 */
const IPV6_HOST_BYTES = 8

/**
 * What tells one client from another: an IPv4 address, or the /64 of an IPv6 address, as hex
 * digits.
 */
export function clientKey(address: IpAddress): string {
  const bytes = address.length === 4 ? address : address.subarray(0, IPV6_HOST_BYTES)
  return Buffer.from(bytes).toString('hex')
}
