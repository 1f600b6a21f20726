import { Network, parseIpAddress } from '../net/ip-address.ts'
import { editUnit } from './bound-paths.ts'

/** The networks that the package's units allow: IPAddressAllow= in onescand.service, systemd.resource-control(5). */
const allowed = [
  ...['127.0.0.0/8', '169.254.0.0/16', '10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'],
  ...['::1', 'fe80::/64', 'fc00::/7'],
].map((text) => Network.parse(text)!)

/** Returns whether it is an IP address that the package's units do not allow. */
export function isOutsideUnit(text: string): boolean {
  const address = parseIpAddress(text)
  return address !== undefined && !allowed.some((network) => network.has(address))
}

/** Returns the instruction that lets a service exchange packets with an address. */
export const editToAllow = (unit: string, address: string): string =>
  editUnit(unit, `IPAddressAllow=${address}`)
