import { networkInterfaces } from 'node:os'

/** Returns the IP addresses of this host's network interfaces, without zones. */
export function ownAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((list = []) =>
    list.map(({ address }) => address),
  )
}
