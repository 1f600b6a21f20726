import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type CheckLine, ok } from '../../../../base/check/check-line.ts'
import { parseMtaEndpoint } from '../../../../base/net/endpoint.ts'
import { ownAddresses } from '../../../../base/net/own-addresses.ts'
import { editToAllow } from '../../../../base/systemd/address-filter.ts'
import { optionValues } from '../../command/cli-options.ts'
import type { RunningDaemon } from '../../host/running-daemon.ts'
import { allowedAddresses } from '../../host/systemd-unit.ts'
import { SOCKET_UNITS } from '../services/socket-units.ts'

/** The addresses at which onescand accepts mail, in the form of `--milter`: `inet:127.0.0.1:8890`. */
export interface OnescandEndpoints {
  readonly milters: readonly string[]
  /** The addresses of --smtp and --lmtp, and those of --next. */
  readonly smtp: readonly string[]
  readonly next: readonly string[]
  readonly clamd: readonly string[]
  readonly isRunning: boolean
}

/** Returns the addresses that programs of other hosts may reach. */
export const networkAddresses = ({ milters, smtp, clamd }: OnescandEndpoints): readonly string[] =>
  [...milters, ...smtp, ...clamd].filter((address) => /^(?:inet6?|tls):/.test(address))

/** Lists who may connect to an onescand that serves other hosts, if its unit denies all other addresses. */
export function checkAllowed(endpoints: OnescandEndpoints): CheckLine[] {
  const served = networkAddresses(endpoints).filter(
    (address) => !/^\w+:(?:127\.|\[::1\]|localhost)/.test(address),
  )
  const allowed = served.length === 0 ? undefined : allowedAddresses('onescand.service')
  if (allowed === undefined) return []
  const others = editToAllow('onescand', 'ADDRESS')
  const value = `at ${served.join(', ')} these may connect: ${allowed.join(' ') || 'nobody'} (IPAddressAllow in its unit; for others: ${others})`
  return [ok('onescand', value)]
}

/** The addresses of onescan-clamd.socket, once it is enabled. */
const OF_CLAMD_UNIT = ['unix:/run/onescan/clamd.sock', 'inet:127.0.0.1:3311']

/**
 * Returns the addresses of onescand by the options in root's file, by its own if it reports them, and by the
 * package's units. Remedies for root name such an address: of the reported ones, only those on this host are
 * used.
 */
export function onescandEndpoints(
  args: readonly string[],
  running: RunningDaemon | undefined,
): OnescandEndpoints {
  const ownArgs = running?.description?.args
  const values = (...options: readonly string[]) => {
    const named = options.flatMap((option) => optionValues(args, option))
    if (ownArgs === undefined) return [...new Set(named)]
    const all = options.flatMap((option) => optionValues(ownArgs, option))
    return [...new Set(all)].filter((address) => named.includes(address) || isHere(address))
  }
  const ofClamdUnit = existsSync('/run/onescan/clamd.sock') ? OF_CLAMD_UNIT : []
  const ofUnits = Object.keys(SOCKET_UNITS).filter((path) => existsSync(path))
  return {
    milters: [...new Set([...values('--milter'), ...ofUnits.map((path) => `unix:${path}`)])],
    smtp: values('--smtp', '--lmtp'),
    next: values('--next'),
    clamd: [...new Set([...values('--clamd'), ...ofClamdUnit])],
    isRunning: running !== undefined,
  }
}

/** Returns whether a server of this host can listen at an address. */
function isHere(address: string): boolean {
  const path = pathIn(address)
  if (path !== undefined) return /^\/[^\s,{}]*$/.test(path)
  const hosts = ['0.0.0.0', '::', '127.0.0.1', '::1', ...ownAddresses()]
  return hosts.includes(endpointIn(address)?.host ?? '')
}

/** The path of an address as onescand, Postfix and Sendmail write it: `unix:PATH` or `local:PATH`. */
const pathIn = (address: string): string | undefined => /^(?:unix|local):(.+)$/.exec(address)?.[1]

/**
 * Returns host and port of `inet:HOST:PORT`, `inet:PORT` or `inet:PORT@HOST`. `inet6:` is treated like
 * `inet:`.
 */
function endpointIn(address: string) {
  const [, hostAndPort = ''] = /^inet6?:(.+)$/.exec(address) ?? []
  const found = parseMtaEndpoint(hostAndPort.replace(/^:?(\d+)@?$/, '127.0.0.1:$1'))
  return found?.host === 'localhost' ? { ...found, host: '127.0.0.1' } : found
}

/**
 * Returns the address among `addresses` that `named` refers to, in the form of Postfix or Sendmail. Its path
 * may be relative to the queue directory of Postfix.
 */
export function matchAddress(
  named: string,
  addresses: readonly string[],
  queue: string | undefined,
): string | undefined {
  const [path, wanted] = [pathIn(named), endpointIn(named)]
  return addresses.find((address) => {
    const own = pathIn(address)
    if (path !== undefined && own !== undefined) {
      return own === path || (queue && join(queue, path) === join(own))
    }
    const listening = endpointIn(address)
    if (wanted === undefined || listening?.port !== wanted.port) return false
    return ['0.0.0.0', '::', wanted.host].includes(listening.host)
  })
}
