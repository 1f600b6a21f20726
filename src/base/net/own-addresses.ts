import { networkInterfaces } from 'node:os'

/**
 * Returns the IP addresses of this host's network interfaces, without zones. Throws if this process may open no
 * netlink socket, which getifaddrs(3) needs.
 */
export function ownAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((list = []) =>
    list.map(({ address }) => address),
  )
}
