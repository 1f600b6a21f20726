import { type CheckLine, hasMark } from '../../../../base/check/check-line.ts'
import { ProcEntry } from '../../../../base/process/proc-entry.ts'
import { configuredAddress, withoutVar } from '../../../scan/scanners/clamd/clamd-conf.ts'
import { howToStop, listenerAt } from '../../host/open-ports.ts'
import { askMainProcess, askSystemd, type SystemdUnit } from '../../host/systemd-unit.ts'

/** The units of clamd as distributions name them. */
export const CLAMDS = ['clamav-daemon', 'clamd@scan', 'clamd'] as const

/** The host's service manager, and what else a test replaces. */
interface AskedHost {
  readonly ask: (unit: string) => Pick<SystemdUnit, 'active'> | undefined
  readonly mainProcess: (unit: string) => string | undefined
  readonly configured: () => string | undefined
}

const thisHost: AskedHost = {
  ask: askSystemd,
  mainProcess: askMainProcess,
  configured: configuredAddress,
}

/**
 * Returns the check line about a clamd that needs signatures with the process that listens at its socket, if the clamd of the
 * distribution runs and this is another one, to which freshclam(1) brings no signatures. Otherwise undefined.
 */
export function withOtherClamd(
  checkLine: CheckLine,
  { ask, mainProcess, configured }: AskedHost = thisHost,
): CheckLine | undefined {
  const [, path] = /^clamd (\/\S+)/.exec(checkLine.what) ?? []
  if (path === undefined || !hasMark(checkLine, 'needs signatures')) return undefined
  const running = CLAMDS.find((clamd) => ask(`${clamd}.service`)?.active === 'active')
  const listener = listenerAt(path)
  // Process 1 listens for a unit of systemd.
  if (running === undefined || typeof listener !== 'object' || listener.pid === 1) return undefined
  const owner = new ProcEntry(listener.pid)
  const name = owner.status()?.name
  // A clamd that has gone into the background began to listen in a process that has ended.
  if (name === undefined || mainProcess(`${running}.service`) === owner.pid) return undefined
  const address = configured()
  const stop = howToStop(listener)
  const isItsPlace = address === undefined || withoutVar(address) === withoutVar(path)
  return {
    ...checkLine,
    value: `${checkLine.value}; process ${owner.pid} (${name}) listens there instead of ${running}`,
    remedy: isItsPlace
      ? `${stop} && ${howToListenAgain(running, ask)}`
      : `set CLAMD="${address}", where ${running} listens, or give the clamd of that process signatures`,
  }
}

/** Returns the command that makes a clamd create its socket again, which systemd may do for it. */
function howToListenAgain(name: string, ask: AskedHost['ask']): string {
  if (ask(`${name}.socket`)?.active !== 'active') return `systemctl restart ${name}`
  return `systemctl stop ${name} && systemctl restart ${name}.socket && systemctl start ${name}`
}
