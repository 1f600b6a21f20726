import { networkInterfaces } from 'node:os'
import { attempt } from '../errors/fault.ts'
import { isLoopbackHost } from './server-address.ts'

/**
 * Returns the IP addresses of this host's network interfaces, without zones. Throws if this process may open no
 * netlink socket, which getifaddrs(3) needs.
 */
export function ownAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((list = []) =>
    list.map(({ address }) => address),
  )
}

/** Returns whether an IP address is known to be of this host. In a unit without netlink sockets, only loopback addresses are. */
export const isOwnHost = (host: string): boolean =>
  isLoopbackHost(host) || (attempt(ownAddresses) ?? []).includes(host)
