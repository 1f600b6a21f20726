import { type CheckLine, hasMark } from '../../../../base/check/check-line.ts'
import { attempt } from '../../../../base/errors/fault.ts'
import { pathExists } from '../../../../base/path/path-handle.ts'
import { askSystemd, type SystemdUnit } from '../../host/systemd-unit.ts'
import { SUPERVISED, superviseCommand } from './supervised.ts'

/** The units of freshclam(1) as distributions name them. */
export const FRESHCLAM = ['clamav-freshclam', 'freshclam'] as const

/** Shows the first lines of its log: with an error, it fetches nothing. */
const WAITS = 'sleep 30'

/** Returns a check line with the remedy of the service that fetches signatures on this host, if it needs them. */
export function withSignatureService(
  checkLine: CheckLine,
  ask: (unit: string) => Pick<SystemdUnit, 'active' | 'enabled'> | undefined = askSystemd,
): CheckLine {
  if (!hasMark(checkLine, 'needs signatures')) return checkLine
  const unit = FRESHCLAM.find((name) => {
    const state = ask(`${name}.service`)
    return state?.active === 'active' || state?.enabled === 'enabled'
  })
  const place = SUPERVISED.map((directory) => `${directory}/freshclam`).find((service) =>
    attempt(() => pathExists(service)),
  )
  if (unit !== undefined) {
    const remedy = `systemctl restart ${unit} && ${WAITS} && journalctl -n 20 -u ${unit}`
    return { ...checkLine, remedy }
  }
  if (place === undefined) return checkLine
  const restart = superviseCommand('restart', place)
  return { ...checkLine, remedy: `${restart} && ${WAITS} && tail /var/log/freshclam/current` }
}
