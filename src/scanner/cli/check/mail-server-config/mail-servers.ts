import { existsSync } from 'node:fs'
import {
  type CheckLine,
  failure,
  following,
  ok,
  warning,
} from '../../../../base/check/check-line.ts'
import { settingTable } from '../../../../base/settings/table.ts'
import type { LogFile } from '../../../log/read-log.ts'
import { isServed } from '../../host/open-ports.ts'
import { askSystemd, type SystemdUnit } from '../../host/systemd-unit.ts'
import { checkStartsAtBoot, startCommand } from '../services/starts-at-boot.ts'
import { EXIMS } from './exim.ts'
import { eximUnit } from './exim-sources.ts'
import {
  networkAddresses,
  type OnescandEndpoints,
  servesClientsAlone,
} from './onescand-endpoints.ts'
import { POSTCONF } from './postconf.ts'
import { SENDMAIL_CF } from './sendmail-files.ts'

/**
 * Reports that check found no mail server here: whether onescand serves other hosts, clients of clamd such as Haraka, or a
 * mail server that check does not know, such as Stalwart. `hasSmtp`: whether a server listens at port 25.
 */
export function noMailServer(endpoints: OnescandEndpoints, hasSmtp = isServed(25)): CheckLine {
  const addresses = networkAddresses(endpoints)
  if (addresses.length > 0) {
    return ok(WHAT, `this host has none; onescand serves other hosts at ${addresses.join(', ')}`)
  }
  const ports = [...endpoints.milters, ...endpoints.smtp].filter(({ at }) => at.kind === 'tcp')
  if (hasSmtp && ports.length > 0) {
    const places = ports.map(({ address }) => address).join(', ')
    return ok(
      WHAT,
      `this check does not know the server at port 25, which may use onescand at ${places}: onescan check --mail ADDRESS shows whether its mail is scanned`,
    )
  }
  const value = 'none was found on this host (qmail, Postfix, Sendmail, Exim or OpenSMTPD)'
  if (servesClientsAlone(endpoints)) {
    const clamd = endpoints.clamd.map(({ address }) => address)
    return ok(WHAT, `${value}; onescand serves clients of clamd at ${clamd.join(', ')}`)
  }
  const remedy =
    'install a mail server, and connect it as README.md shows; if qmail is in another directory, run onescan check --env QMAILHOME=DIRECTORY'
  return warning(WHAT, value, remedy)
}

const WHAT = 'mail server'

export type MailServer = 'qmail' | 'Postfix' | 'Sendmail' | 'Exim' | 'OpenSMTPD'

const POSTFIX_CF = '/etc/postfix/main.cf'
/** The paths of the real Sendmail: other mail servers have a program of that name, too. */
const SENDMAILS = [
  '/usr/libexec/sendmail/sendmail',
  '/usr/lib/sm.bin/sendmail',
  '/usr/sbin/sendmail.sendmail',
]

/** Servers without a qmail-queue program or milter, which pass their mail to onescand over SMTP. */
const BY_SMTP = [
  ['Exim', EXIMS],
  ['OpenSMTPD', ['/usr/sbin/smtpctl']],
] as const

/**
 * Finds the mail servers on this host. A server counts only if its program is there: a server that was
 * removed may have left its files in /etc.
 */
export function findMailServers(exists: (path: string) => boolean): MailServer[] {
  const hasPostfix = exists(POSTCONF)
  const hasSendmail = SENDMAILS.some(exists) || (exists('/usr/sbin/sendmail') && !hasPostfix)
  const here: MailServer[] = []
  if (exists(settingTable.QMAILHOME.default)) here.push('qmail')
  if (hasPostfix && exists(POSTFIX_CF)) here.push('Postfix')
  if (hasSendmail && exists(SENDMAIL_CF)) here.push('Sendmail')
  for (const [name, programs] of BY_SMTP) {
    if (programs.some(exists)) here.push(name)
  }
  return here
}

/**
 * The units of servers whose own programs do not show whether they run. Units with other names are not
 * reported.
 */
const UNITS: Partial<Readonly<Record<MailServer, () => string>>> = {
  Sendmail: () => 'sendmail',
  Exim: eximUnit,
  OpenSMTPD: () => 'opensmtpd',
}

type UnitState = Pick<SystemdUnit, 'load' | 'active' | 'enabled'>

/**
 * Returns a check line if systemd does not run a mail server of this host. A site may have several servers, and
 * want one of them off.
 */
export function checkServerUnit(
  server: MailServer,
  ask: (name: string) => UnitState | undefined = askSystemd,
): CheckLine[] {
  if (server === 'Postfix') return checkStartsAtBoot(['postfix'], 'no mail is accepted', ask)
  const name = UNITS[server]?.()
  if (name === undefined) return []
  const unit = ask(name)
  if (unit === undefined) return []
  const { load, active, enabled } = unit
  if (load === 'masked') {
    const value = 'is not running: its unit is masked'
    return active === 'active' ? [] : [warning(server, value, startCommand(name, unit))]
  }
  if (active === 'failed') {
    const remedy = `fix the error that journalctl -u ${name} shows, then run systemctl restart ${name}`
    const down = failure(server, 'is not running: its start failed', remedy)
    return [following(down, 'stops the mail server')]
  }
  if (active === 'active') return checkStartsAtBoot([name], 'no mail is accepted', ask)
  if (active !== 'inactive') return []
  const level = enabled === 'disabled' ? warning : failure
  return [level(server, 'is not running: it was stopped', startCommand(name, unit))]
}

/** The log files of Exim, of Debian and of others, which does not use syslog. */
const EXIM_LOGS = ['/var/log/exim4/mainlog', '/var/log/exim/main.log', '/var/log/exim/mainlog']

/**
 * The logs of Exim that there are. Its account may write in their directories, so no link is followed there.
 */
export function logsOfExim(): LogFile[] {
  return EXIM_LOGS.flatMap((path) =>
    existsSync(path) ? [{ path, modified: Date.now(), isFound: true as const }] : [],
  )
}
