import { type CheckLine, warning } from '../../../../base/check/check-line.ts'
import { loadedUnits, propertiesOf, type SystemdUnit } from '../../host/systemd-unit.ts'
import { failedStart } from './service-state.ts'
import { checkStartsAtBoot } from './starts-at-boot.ts'

/** The first words in the names of the units of mail servers, as distributions have them. */
export const MAIL_SERVERS = ['postfix', 'exim', 'sendmail', 'opensmtpd'] as const

/** The first words in the names of units of other programs through which mail passes, and of those that start qmail. */
export const MAIL_SERVICES = [
  ...['dovecot', 'rspamd', 'amavis', 'spamd', 'spamassassin', 'opendkim', 'opendmarc'],
  ...['postgrey', 'clamav-milter', 'daemontools', 'svscan', 'runit'],
] as const

/**
 * Returns warnings about services beside the mail server that have failed, or run and do not start when the host boots, and about
 * a boot that starts no service.
 */
export function checkMailServices(
  loaded: ReadonlyMap<string, SystemdUnit> = loadedUnits(
    MAIL_SERVICES.map((name) => `${name}*.service`),
  ),
  properties: typeof propertiesOf = propertiesOf,
): CheckLine[] {
  const target = properties('default.target', ['Id']).get('Id') ?? ''
  const ofBoot = WITHOUT_SERVICES.test(target)
    ? [
        warning(
          'default.target',
          `is ${target}, so the next boot starts no mail server`,
          'systemctl set-default multi-user.target',
        ),
      ]
    : []
  const ofServices = [...loaded].flatMap(([unit, { active, enabled }]) => {
    const name = unit.replace(/\.service$/, '')
    // Another unit that starts when the host boots may start it.
    if (active === 'active' && properties(unit, STARTED_BY).size === 0)
      return checkStartsAtBoot([name], 'mail that needs it waits', (of) =>
        loaded.get(`${of}.service`),
      )
    if (active !== 'failed' || enabled === 'disabled') return []
    const remedy = `fix this error, then run systemctl restart ${name}`
    return [warning(name, `does not run: ${failedStart(unit) ?? 'it has failed'}`, remedy)]
  })
  return [...ofBoot, ...ofServices]
}

/** The targets of systemd.special(7) that start no ordinary service. */
const WITHOUT_SERVICES = /^(?:rescue|emergency|basic|sysinit|poweroff|halt|reboot|kexec)\.target$/
/** The properties of a unit with those that start it. */
const STARTED_BY = ['WantedBy', 'RequiredBy', 'UpheldBy', 'TriggeredBy', 'BoundBy'] as const
