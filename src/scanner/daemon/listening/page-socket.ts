import { closeSync } from 'node:fs'
import type { Server } from 'node:http'
import { Fault } from '../../../base/errors/fault.ts'
import { writeEndpoint } from '../../../base/net/endpoint.ts'
import { listenHttpOn } from '../../../base/net/http-server.ts'
import type { ServerAddress } from '../../../base/net/server-address.ts'
import { FIRST_HANDED_OVER } from '../../../base/systemd/sd-daemon.ts'
import type { DaemonOptions } from '../../options/daemon-options.ts'
import { listenAt, pathOf } from './listen.ts'
import type { SocketPurpose } from './open-sockets.ts'

/**
 * Returns the descriptor of the page's socket, if systemd passes one. Without --http it closes the socket and
 * logs that, because access to the page is not configured.
 */
export function pageSocket(
  handedOver: readonly SocketPurpose[],
  address: ServerAddress | undefined,
  log: (line: string) => void,
): number | undefined {
  const index = handedOver.indexOf('http')
  if (index < 0) return undefined
  const fd = FIRST_HANDED_OVER + index
  if (address !== undefined) return fd
  closeSync(fd)
  log(
    'systemd passes a socket for the status page, but --http is not set: add --http with its address',
  )
  return undefined
}

/**
 * Returns a function that makes a server listen at `address`, or on the descriptor of a socket there that
 * systemd has bound. The function resolves to another one, which ends that. It rejects with a Fault of kind
 * `config` if it cannot listen, or if the socket is at another address, because the address determines who
 * has access to the page.
 */
export function pageListener(
  address: ServerAddress,
  options: DaemonOptions,
  fd: number | undefined,
): (server: Server) => Promise<() => void> {
  let elsewhere: Fault | undefined
  return async (server) => {
    if (elsewhere !== undefined) throw elsewhere
    if (fd === undefined) {
      await listenAt(server, address, { ...options, option: '--http' })
      return () => server.close()
    }
    const path = pathOf(fd)
    const listening = await listenHttpOn(server, fd)
    const [wanted, passed] = [textOf(address), path ?? boundText(listening.address())]
    if (wanted === passed) return () => listening.close()
    listening.close()
    const remedy = 'set the same address in both'
    elsewhere = new Fault('config', `--http ${wanted}: systemd's socket is at ${passed}; ${remedy}`)
    throw elsewhere
  }
}

const textOf = (address: ServerAddress) =>
  address.kind === 'unix' ? address.path : writeEndpoint(address)

function boundText(address: ReturnType<Server['address']>): string {
  if (address === null || typeof address === 'string') return address ?? 'no address'
  return writeEndpoint({ host: address.address, port: address.port })
}
