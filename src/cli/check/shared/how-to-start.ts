import { existsSync } from 'node:fs'
import { SYSTEMD } from '../../shared/systemd-unit.ts'

/** The directories in which daemontools and runit look for services. */
const SERVICES = ['/service', '/etc/service', '/var/service', '/etc/runit/runsvdir/current']
const UNITS = ['/etc/systemd/system', '/usr/lib/systemd/system', '/lib/systemd/system']

const PAGE = '/usr/share/doc/onescan/doc/install.md'

/**
 * Says how to start onescand on this host: by a unit, by a service, or by a run script that is not
 * yet a service.
 */
export function howToStartOnescand(isThere: (path: string) => boolean = existsSync): string {
  if (isThere(SYSTEMD) && UNITS.some((place) => isThere(`${place}/onescand.service`))) {
    return 'systemctl start onescand'
  }
  const service = SERVICES.map((place) => `${place}/onescand`).find(isThere)
  if (service !== undefined) return `svc -u ${service} (or sv up), and see its log`
  if (isThere('/etc/onescand/run')) return 'ln -s /etc/onescand /service/'
  const page = isThere(PAGE) ? PAGE : 'doc/install.md of its package'
  return `start it: ${page} says how, with and without systemd`
}
