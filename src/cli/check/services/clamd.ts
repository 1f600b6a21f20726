import { type Finding, failure, hasMark, warning } from '../../../lib/errors/finding.ts'
import { askSystemd, journalOfStart } from '../../host/systemd-unit.ts'

/** The units of clamd as distributions name them. */
const UNITS = ['clamav-daemon', 'clamd@scan', 'clamd'] as const
/** Upper limit for the lines of its log that are shown. */
const LINES_TOLD = 3

/**
 * Returns findings from the unit of a clamd on this host that onescand cannot connect to: onescand itself
 * runs in a unit that cannot query it. Returns none if onescand has reported the reason, or if there is no
 * such unit here.
 */
export function checkClamdUnit(findings: readonly Finding[]): Finding[] {
  const down = findings.find((finding) => hasMark(finding, 'clamd does not run'))
  if (down === undefined) return []
  const level = down.level === 'error' ? failure : warning
  for (const name of UNITS) {
    const unit = askSystemd(`${name}.service`)
    if (unit === undefined) continue
    if (unit.active === 'active') return []
    const unmask = unit.load === 'masked' ? `systemctl unmask ${name} && ` : ''
    const state = unit.load === 'masked' ? 'its unit is masked' : unit.active
    const stopped = level(name, `is not running (${state})`, `${unmask}systemctl start ${name}`)
    const errors = journalOfStart(unit)
      .filter((line) => /^ERROR: /.test(line))
      .slice(-LINES_TOLD)
    if (unit.active !== 'failed' || errors.length === 0) return [stopped]
    return [...new Set(errors)].map((line) =>
      level(name, `logged: "${line.replaceAll('"', "'")}"`, 'correct it, and restart it'),
    )
  }
  return []
}
