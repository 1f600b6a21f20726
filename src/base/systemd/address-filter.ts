import { BlockList, isIP } from 'node:net'
import { editUnit } from './bound-paths.ts'

/** The addresses that the package's units allow: IPAddressAllow= in onescand.service, systemd.resource-control(5). */
const allowed = new BlockList()
allowed.addSubnet('127.0.0.0', 8)
allowed.addSubnet('169.254.0.0', 16)
allowed.addSubnet('10.0.0.0', 8)
allowed.addSubnet('172.16.0.0', 12)
allowed.addSubnet('192.168.0.0', 16)
allowed.addAddress('::1', 'ipv6')
allowed.addSubnet('fe80::', 64, 'ipv6')
allowed.addSubnet('fc00::', 7, 'ipv6')

/** Returns whether it is an IP address that the package's units do not allow. */
export function isOutsideUnit(address: string): boolean {
  const version = isIP(address)
  return version !== 0 && !allowed.check(address, version === 4 ? 'ipv4' : 'ipv6')
}

/** Returns the instruction that lets a service exchange packets with an address. */
export const editToAllow = (unit: string, address: string): string =>
  editUnit(unit, `IPAddressAllow=${address}`)
