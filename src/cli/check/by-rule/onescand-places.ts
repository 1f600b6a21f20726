import { existsSync } from 'node:fs'
import { optionValues } from '../../shared/options.ts'
import type { RunningDaemon } from '../../shared/running-daemon.ts'
import { SYSTEMD } from '../../shared/systemd.ts'

/** Where onescand takes mail, in the form of `--milter`: `inet:127.0.0.1:8890`. */
export interface OnescandPlaces {
  readonly milters: readonly string[]
  /** The addresses of --smtp and --lmtp, and those of --next. */
  readonly relays: readonly string[]
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
  const all = [...words, ...(running?.account?.words ?? [])]
  const values = (...options: readonly string[]) => [
    ...new Set(options.flatMap((option) => optionValues(all, option))),
  ]
  const ofUnits = Object.keys(SOCKET_UNITS).filter((path) => existsSync(path))
  return {
    milters: [...new Set([...values('--milter'), ...ofUnits.map((path) => `unix:${path}`)])],
    relays: values('--smtp', '--lmtp'),
    next: values('--next'),
    isRunning: running !== undefined,
    hasSystemd: existsSync(SYSTEMD),
  }
}
