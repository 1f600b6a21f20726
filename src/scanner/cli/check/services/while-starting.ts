import { setTimeout } from 'node:timers/promises'
import { type CheckLine, hasMark } from '../../../../base/check/check-line.ts'
import { readUptime } from '../../../../base/flow/uptime.ts'
import { formatDuration } from '../../../../base/text/units.ts'
import { configuredAddress, withoutVar } from '../../../scan/scanners/clamd/clamd-conf.ts'
import { askSystemd, isAnyStarting, type SystemdUnit } from '../../host/systemd-unit.ts'
import { CLAMDS } from './other-clamd.ts'

/** Services that have just been started, and do not listen yet: nothing is wrong with their configuration. */

/** Milliseconds after its start in which a mail filter begins to listen, and between two looks. */
const FILTER_STARTS = 20_000
const PAUSE = 1_000
/** Milliseconds in which a clamd reads its signatures before it answers. */
const CLAMD_STARTS = 120_000

/**
 * Yields the check lines of a mail server. As long as it names an address where nothing listens, and another service of this
 * host than onescan's own is being started, the check is repeated, for at most `within` milliseconds.
 */
export async function* onceStarted(
  check: () => AsyncIterable<CheckLine>,
  isStarting: () => boolean = () => isAnyStarting(FILTER_STARTS, /^onescan/),
  { within, pause }: { within: number; pause: number } = { within: FILTER_STARTS, pause: PAUSE },
): AsyncGenerator<CheckLine> {
  const deadline = readUptime() + within
  for (;;) {
    const checkLines: CheckLine[] = []
    for await (const checkLine of check()) checkLines.push(checkLine)
    const isSilent = checkLines.some((checkLine) => hasMark(checkLine, 'nothing listens'))
    if (!isSilent || readUptime() > deadline || !isStarting()) return yield* checkLines
    await setTimeout(pause)
  }
}

/** Returns the check line about a clamd of this host that does not answer, if its service has just been started. Otherwise undefined. */
export function withClamdStart(
  checkLine: CheckLine,
  ask: (unit: string) => Pick<SystemdUnit, 'active' | 'since'> | undefined = askSystemd,
  configured: () => string | undefined = configuredAddress,
): CheckLine | undefined {
  const [, path] = /^clamd (\/\S+)/.exec(checkLine.what) ?? []
  if (path === undefined || !hasMark(checkLine, 'nothing scans')) return undefined
  // To wait helps neither if its socket is closed to onescan, nor if it will listen elsewhere.
  const address = configured()
  const isElsewhere = address !== undefined && withoutVar(address) !== withoutVar(path)
  if (isElsewhere || hasMark(checkLine, 'clamd is closed')) return undefined
  for (const name of CLAMDS) {
    const { active = '', since = 0 } = ask(`${name}.service`) ?? {}
    const age = Date.now() - since
    if (!/^(?:active|activating)$/.test(active) || age > CLAMD_STARTS) continue
    const value = `${checkLine.value}: ${name} was started ${formatDuration(age)} ago, and may still read its signatures`
    return { ...checkLine, value, remedy: 'run onescan check again in two minutes' }
  }
  return undefined
}
