import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { parseMtaEndpoint } from '../../../ground/net/endpoint.ts'
import { optionValues } from '../../shared/options.ts'
import type { RunningDaemon } from '../../shared/running-daemon.ts'
import { SYSTEMD } from '../../shared/systemd.ts'

/** Where onescand takes mail, in the form of `--milter`: `inet:127.0.0.1:8890`. */
export interface OnescandPlaces {
  readonly milters: readonly string[]
  /** The addresses of --smtp and --lmtp, and those of --next. */
  readonly smtp: readonly string[]
  readonly next: readonly string[]
  readonly isRunning: boolean
  readonly hasSystemd: boolean
}

/** The sockets of the package, and the units by which systemd listens there. */
export const SOCKET_UNITS: Readonly<Record<string, string>> = {
  '/var/spool/postfix/onescan/milter.sock': 'onescan-postfix.socket',
  '/run/onescan/milter.sock': 'onescan-milter.socket',
}

/** Where onescand listens by its settings, by the onescand that runs, and by the package's units. */
export function onescandPlaces(
  words: readonly string[],
  running: RunningDaemon | undefined,
): OnescandPlaces {
  const all = [...words, ...(running?.description?.words ?? [])]
  const values = (...options: readonly string[]) => [
    ...new Set(options.flatMap((option) => optionValues(all, option))),
  ]
  const ofUnits = Object.keys(SOCKET_UNITS).filter((path) => existsSync(path))
  return {
    milters: [...new Set([...values('--milter'), ...ofUnits.map((path) => `unix:${path}`)])],
    smtp: values('--smtp', '--lmtp'),
    next: values('--next'),
    isRunning: running !== undefined,
    hasSystemd: existsSync(SYSTEMD),
  }
}

/** The address that a service listens on. */
type ServiceAddress = { readonly path: string } | { readonly host: string; readonly port: number }

/**
 * Reads an address as onescand, Postfix and Sendmail write it: `unix:PATH` or `local:PATH`,
 * `inet:HOST:PORT`, `inet:PORT` or `inet:PORT@HOST`; `inet6:` counts like `inet:`. Undefined for
 * anything else.
 */
function readServiceAddress(text: string): ServiceAddress | undefined {
  const [, path] = /^(?:unix|local):(.+)$/.exec(text) ?? []
  if (path !== undefined) return { path }
  const [, place] = /^inet6?:(.+)$/.exec(text) ?? []
  return parseMtaEndpoint((place ?? '').replace(/^:?(\d+)@?$/, '127.0.0.1:$1'))
}

/**
 * The address among `addresses` that `named` stands for, in the form of Postfix or Sendmail. Its path
 * may be relative to the queue directory of Postfix.
 */
export function matchAddress(
  named: string,
  addresses: readonly string[],
  queue: string | undefined,
): string | undefined {
  const wanted = readServiceAddress(named)
  if (wanted === undefined) return undefined
  return addresses.find((text) => {
    const listening = readServiceAddress(text)
    return listening !== undefined && leadsTo(wanted, listening, queue)
  })
}

function leadsTo(
  wanted: ServiceAddress,
  listening: ServiceAddress,
  queue: string | undefined,
): boolean {
  if ('path' in wanted || 'path' in listening) {
    if (!('path' in wanted && 'path' in listening)) return false
    if (wanted.path === listening.path) return true
    return Boolean(queue) && join(queue!, wanted.path) === join(listening.path)
  }
  if (wanted.port !== listening.port) return false
  return isEverywhere(listening.host) || numeric(wanted.host) === numeric(listening.host)
}

const isEverywhere = (host: string) => host === '0.0.0.0' || host === '::'
const numeric = (host: string) => (host === 'localhost' ? '127.0.0.1' : host)
