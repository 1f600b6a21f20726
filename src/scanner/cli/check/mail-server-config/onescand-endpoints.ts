import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type CheckLine, ok } from '../../../../base/check/check-line.ts'
import { isOwnHost } from '../../../../base/net/own-addresses.ts'
import {
  hostToReach,
  isEverywhere,
  isLoopbackHost,
  parseServerAddress,
} from '../../../../base/net/server-address.ts'
import { editToAllow } from '../../../../base/systemd/address-filter.ts'
import { optionValues } from '../../command/cli-options.ts'
import type { RunningDaemon } from '../../host/running-daemon.ts'
import { allowedAddresses } from '../../host/systemd-unit.ts'
import { PACKAGE_SOCKETS } from '../services/lost-sockets.ts'

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
  [...milters, ...smtp, ...clamd].filter((text) => {
    const address = parseServerAddress(text)
    return address?.kind === 'tcp' && !isLoopbackHost(address.host)
  })

/** Lists who may connect to an onescand that serves other hosts, if its unit denies all other addresses. */
export function checkAllowed(endpoints: OnescandEndpoints): CheckLine[] {
  const served = networkAddresses(endpoints)
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
  const ofUnits = Object.entries(PACKAGE_SOCKETS).flatMap(([path, { kind }]) =>
    kind === 'milter' && existsSync(path) ? [`unix:${path}`] : [],
  )
  return {
    milters: [...new Set([...values('--milter'), ...ofUnits])],
    smtp: values('--smtp', '--lmtp'),
    next: values('--next'),
    clamd: [...new Set([...values('--clamd'), ...ofClamdUnit])],
    isRunning: running !== undefined,
  }
}

/** Returns whether a server of this host can listen at an address. */
function isHere(text: string): boolean {
  const address = parseServerAddress(text)
  if (address?.kind === 'unix') return /^\/[^\s,{}]*$/.test(address.path)
  return address !== undefined && (isEverywhere(address.host) || isOwnHost(address.host))
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
  const wanted = parseServerAddress(named, LOOPBACK)
  return addresses.find((text) => {
    const own = parseServerAddress(text, LOOPBACK)
    if (wanted?.kind === 'unix')
      return (
        own?.kind === 'unix' &&
        (own.path === wanted.path || (queue && join(queue, wanted.path) === join(own.path)))
      )
    if (own?.kind !== 'tcp' || own.port !== wanted?.port) return false
    return isEverywhere(own.host) || hostToReach(own.host) === hostToReach(wanted.host)
  })
}

/** The host of an address that has only a port. */
const LOOPBACK = '127.0.0.1'
