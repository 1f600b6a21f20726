import { attempt } from '../../../../base/errors/fault.ts'
import { pathExists } from '../../../../base/path/path-handle.ts'
import { passwdEntryOf } from '../../../../base/process/passwd.ts'
import { ProcEntry } from '../../../../base/process/proc-entry.ts'
import { listenerAt } from '../../host/open-ports.ts'
import { ACCOUNT } from '../../host/running-daemon.ts'
import { askMainProcess, askSystemd } from '../../host/systemd-unit.ts'

/** The sockets of the package, and the units by which systemd listens there. */
export const SOCKET_UNITS: Readonly<Record<string, string>> = {
  '/var/spool/postfix/onescan/milter.sock': 'onescan-postfix.socket',
  '/run/onescan/milter.sock': 'onescan-milter.socket',
}

/** Returns the command that makes systemd create the file of a socket again. */
export const newSocket = (unit: string): string =>
  `systemctl stop onescand && systemctl restart ${unit} && systemctl start onescand`

/** The sockets of the package that are there, and at which neither systemd nor onescand listens, each with the reason. */
export async function lostSockets(isRunning: boolean): Promise<ReadonlyMap<string, string>> {
  const lost = new Map<string, string>()
  const own = passwdEntryOf(ACCOUNT)?.uid
  const main = askMainProcess('onescand.service')
  for (const [path, unit] of Object.entries(SOCKET_UNITS)) {
    // A connection to a socket of systemd would start onescand.
    const state = attempt(() => pathExists(path)) ? askSystemd(unit) : undefined
    if (state === undefined || (state.active === 'active' && !isRunning)) continue
    const owner = await listenerAt(path)
    if (owner === 'nobody') lost.set(path, `nothing listens at ${path}`)
    else if (owner !== undefined && owner.pid > 1 && owner.uid !== own) {
      const { name = 'unknown', parent } = new ProcEntry(`${owner.pid}`).status() ?? {}
      if (main !== undefined && [`${owner.pid}`, parent].includes(main)) continue
      lost.set(path, `process ${owner.pid} (${name}) listens at ${path} instead of onescand`)
    }
  }
  return lost
}
