import { type CheckLine, warning } from '../../../../base/check/check-line.ts'
import { attempt } from '../../../../base/errors/fault.ts'
import { PathHandle } from '../../../../base/path/path-handle.ts'
import { askSystemd, type SystemdUnit } from '../../host/systemd-unit.ts'

/** The state of a unit, as far as it shows whether the unit starts when the host boots. */
type BootState = Pick<SystemdUnit, 'load' | 'active' | 'enabled'>

/** The states of units that no boot starts: systemctl(1), is-enabled. */
const NOT_AT_BOOT = ['disabled', 'masked', 'masked-runtime', 'enabled-runtime', 'linked-runtime']

/**
 * Returns the warning about the first of these units that runs, if neither that nor its socket starts when the host
 * boots. `effect` is what happens to mail then. Returns none if none of them runs, or without systemd.
 */
export function checkStartsAtBoot(
  names: readonly string[],
  effect: string,
  ask: (unit: string) => BootState | undefined = askSystemd,
): CheckLine[] {
  for (const name of names) {
    const unit = ask(name)
    if (unit?.active !== 'active') continue
    const base = name.replace(/\.(?:service|socket)$/, '')
    if (startsAtBoot(base, unit) || ask(`${base}.socket`)?.enabled === 'enabled') return []
    const value = `runs, but ${inWords(base, unit)}: after a boot it does not run, and ${effect}`
    const unmask = unit.enabled.startsWith('masked') ? [unmaskCommand(name, unit)] : []
    return [warning(name, value, [...unmask, `systemctl enable ${name}`].join(' && '))]
  }
  return []
}

/** Returns why no boot starts a unit, in words. */
const inWords = (name: string, { enabled }: BootState): string =>
  enabled === 'generated'
    ? `its script /etc/init.d/${name} is disabled`
    : `is ${enabled.replace(/^(enabled|linked)-runtime$/, '$1 only until the next boot')}`

/** Returns the command that takes away a unit's mask, which is in /etc or, until the next boot, in /run. */
export const unmaskCommand = (name: string, unit: Pick<BootState, 'enabled'> | undefined): string =>
  `systemctl unmask ${unit?.enabled === 'masked-runtime' ? '--runtime ' : ''}${name}`

/** Returns the command with which a unit that does not run is started, now and at each boot. */
export function startCommand(
  name: string,
  unit: BootState,
  verb: 'start' | 'restart' = 'start',
  ask: (unit: string) => BootState | undefined = askSystemd,
): string {
  const isMasked = unit.load === 'masked'
  const socket = ask(`${name}.socket`)
  const unmask = [
    ...(isMasked ? [unmaskCommand(name, unit)] : []),
    // A service whose socket is masked does not start.
    ...(socket?.load === 'masked' ? [unmaskCommand(`${name}.socket`, socket)] : []),
  ]
  const enable = verb === 'start' ? 'enable --now' : `enable ${name} && systemctl ${verb}`
  // A mask hides whether it was enabled.
  const start = !isMasked && startsAtBoot(name, unit) ? verb : enable
  return [...unmask, `systemctl ${start} ${name}`].join(' && ')
}

function startsAtBoot(name: string, { enabled }: BootState): boolean {
  // A script of System V has links in /etc/rc2.d: S begins those of what starts.
  if (enabled === 'generated')
    return linksOf(name).some((link) => link.startsWith('S')) || linksOf(name).length === 0
  return !NOT_AT_BOOT.includes(enabled)
}

function linksOf(name: string): string[] {
  const names = attempt(() => PathHandle.with('/etc/rc2.d', (place) => place.byteNames())) ?? []
  return names.map(String).filter((link) => /^[SK]\d\d/.test(link) && link.slice(3) === name)
}
