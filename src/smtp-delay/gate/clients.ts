import type { Address } from '../../net/address.ts'

/** Bytes of an IPv6 address that its network gave it: a host has all addresses behind them. */
const IPV6_HOST_BYTES = 8

/** By what one client is told from another: an IPv4 address, or the /64 of an IPv6 address, as hex digits. */
export function clientOf(address: Address): string {
  const bytes = address.length === 4 ? address : address.subarray(0, IPV6_HOST_BYTES)
  return Buffer.from(bytes).toString('hex')
}
