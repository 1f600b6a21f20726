import { closeSync } from 'node:fs'
import type { Server } from 'node:http'
import { Fault } from '../../../ground/errors/fault.ts'
import { listenHttpOn } from '../../../ground/net/listen-http.ts'
import { pathOf } from '../../../ground/net/listening-sockets.ts'
import { FIRST_HANDED_OVER } from '../../../ground/net/socket-activation.ts'
import type { DoorAddress } from '../options/door-address.ts'
import type { DaemonOptions } from '../options/options.ts'
import type { SocketPurpose } from './inherited-sockets.ts'
import { listenAt } from './listen.ts'

/**
 * The descriptor of the page's socket, if systemd hands one over. Without --http nobody said who
 * may look: then the socket is closed, and that is logged.
 */
export function pageSocket(
  handedOver: readonly SocketPurpose[],
  place: DoorAddress | undefined,
  log: (line: string) => void,
): number | undefined {
  const index = handedOver.indexOf('http')
  if (index < 0) return undefined
  const fd = FIRST_HANDED_OVER + index
  if (place !== undefined) return fd
  closeSync(fd)
  log('systemd hands over a socket for the page, and there is no page: give --http with its place')
  return undefined
}

/**
 * Listens at `place`, or on the descriptor of a socket there that was handed over. Resolves with a
 * function that takes no more connections. Rejects with a Fault of kind `config` if it cannot
 * listen, or if the socket is at another place: the place decides who may look.
 */
export function pageListener(
  place: DoorAddress,
  options: DaemonOptions,
  fd: number | undefined,
): (server: Server) => Promise<() => void> {
  let elsewhere: Fault | undefined
  return async (server) => {
    if (elsewhere !== undefined) throw elsewhere
    if (fd === undefined) {
      await listenAt(server, place, { ...options, option: '--http' })
      return () => server.close()
    }
    const path = pathOf(fd)
    const held = await listenHttpOn(server, fd)
    const [wanted, given] = [textOf(place), path ?? addressText(held.address())]
    if (wanted === given) return () => held.close()
    held.close()
    const remedy = 'name the same place in both'
    elsewhere = new Fault('config', `--http ${wanted}: systemd's socket is at ${given}; ${remedy}`)
    throw elsewhere
  }
}

const textOf = (place: DoorAddress) =>
  place.kind === 'unix' ? place.path : `${place.host}:${place.port}`

function addressText(address: ReturnType<Server['address']>): string {
  if (address === null || typeof address === 'string') return address ?? 'no address'
  return `${address.address}:${address.port}`
}
