import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type CheckLine, hasMark, ok, warning } from '../../../../base/check/check-line.ts'
import { attempt } from '../../../../base/errors/fault.ts'
import { obstacle, ownAccount, readAccounts } from '../../../readiness/host/account.ts'
import { askSystemd } from '../../host/systemd-unit.ts'
import { reader } from '../../root/check-accounts.ts'
import { askProgram } from './ask-program.ts'
import { matchAddress, type OnescandEndpoints } from './onescand-endpoints.ts'
import { portHere } from './unreachable-milter.ts'

/** rspamd as a client of clamd, by its files, as rspamadm(1) prints them: configdump. */

const RSPAMADM = '/usr/bin/rspamadm'
/** The account of rspamd on Debian and elsewhere, and its group. */
const GROUPS = ['_rspamd', 'rspamd']
const DIRECTORIES = ['/etc/rspamd/local.d', '/etc/rspamd/override.d']
const RESTART = 'rspamadm configtest && systemctl restart rspamd'
const FILE = '/etc/rspamd/local.d/antivirus.conf'
const FORCED = '/etc/rspamd/local.d/force_actions.conf'
const EXAMPLE = '/usr/share/onescan/examples/rspamd/force_actions.conf'

type RspamdSection = Readonly<Record<string, unknown>>

const isFalse = (section: RspamdSection, name: string) => section[name] === false

/** What rspamd would read after its next start. */
interface RspamdFiles {
  /** The sections antivirus, force_actions and those of workers, as rspamadm prints them. */
  readonly printed: string
  readonly areNewer: boolean
}

/** Resolves to undefined if rspamd is not here, or if not all files of its settings may be read. */
async function readRspamd(): Promise<RspamdFiles | undefined> {
  if (!existsSync(RSPAMADM)) return undefined
  const sections = ['antivirus', 'force_actions', 'worker']
  const printed = await askProgram([RSPAMADM, 'configdump', '-j', ...sections], undefined, GROUPS)
  const files = DIRECTORIES.flatMap((directory) =>
    (attempt(() => readdirSync(directory)) ?? []).map((name) => join(directory, name)),
  )
  const account = process.getuid!() === 0 ? reader(undefined, GROUPS) : ownAccount(readAccounts())
  // rspamadm ignores a file that it may not read.
  if (files.some((path) => obstacle(account, path, 'read') !== undefined)) return undefined
  const { since = 0 } = askSystemd('rspamd') ?? {}
  return {
    printed,
    areNewer: since > 0 && files.some((path) => statSync(path).mtimeMs > since + CLOCK),
  }
}

/** Milliseconds: systemd reports the start in seconds. */
const CLOCK = 1000

/**
 * Resolves to these check lines of Postfix, with what rspamd on this host reports in place of the one that it is unknown
 * whether this filter uses onescand.
 */
export async function withRspamd(
  checkLines: readonly CheckLine[],
  endpoints: OnescandEndpoints,
  read: () => Promise<RspamdFiles | undefined> = readRspamd,
): Promise<readonly CheckLine[]> {
  const isUnknown = (checkLine: CheckLine) => hasMark(checkLine, 'may ask clamd')
  if (!checkLines.some(isUnknown)) return checkLines
  const files = await read().catch(() => undefined)
  const documents = attempt(() =>
    files?.printed.split(/\n(?=\{)/).map((text) => JSON.parse(text) as RspamdSection),
  )
  if (files === undefined || documents === undefined) return checkLines
  const [antivirus = {}, forced = {}, ...workers] = documents
  const listens = workers.flatMap(
    ({ rspamd_proxy: proxy }) => (proxy as RspamdSection)?.bind_socket ?? [],
  )
  const ports = listens.flatMap((text) => Number(/:(\d+)$/.exec(String(text))?.[1] ?? []))
  return checkLines.flatMap((checkLine): readonly CheckLine[] => {
    const [filters = ''] = checkLine.value.split(': it is ', 1)
    const names = filters.split(', ')
    const isHere = names.some((name) => ports.includes(portHere(name) ?? 0))
    if (!isUnknown(checkLine) || !isHere) return [checkLine]
    const judged = judge(antivirus, forced, checkLine.what, endpoints)
    if (judged[0]?.level !== 'ok' && names.length > 1) return [checkLine]
    return files.areNewer ? [...judged, STALE] : judged
  })
}

const STALE = warning('rspamd', 'runs with older settings than those in its files, which this check reads', RESTART) // biome-ignore format: a line

/** Returns check lines about how rspamd uses onescand, of which the first one is ok if it does. */
function judge(
  antivirus: RspamdSection,
  forced: RspamdSection,
  what: string,
  { clamd }: OnescandEndpoints,
): CheckLine[] {
  const rules = Object.entries(antivirus).flatMap(([name, value]) => {
    const rule: RspamdSection = {
      type: name,
      symbol: name.toUpperCase(),
      ...(value as RspamdSection),
    }
    return rule.type === 'clamav' ? [[name, rule] as const] : []
  })
  const addressOf = ({ servers }: RspamdSection) =>
    matchAddress(`${/^\//.test(String(servers)) ? 'unix' : 'inet'}:${servers}`, clamd, undefined)
  const used = rules.find(([, asking]) => addressOf(asking) !== undefined)
  const isOff = isFalse(antivirus, 'enabled')
  const [section, rule] = used ?? rules[0] ?? ['', {}]
  const warn = (thing: string, state: string, change: string) =>
    warning(thing, state, `${change}, then run ${RESTART}`)
  const toSet = (name: string, value: string) =>
    `set ${name} = ${value} in the section ${section} of ${FILE}`
  const unused = (state: string, change: string) => [
    warn(what, `rspamd ${state}: onescand does not scan its mail`, change),
  ]
  if (isOff)
    return unused('does not load its module antivirus', `remove its line "enabled" from ${FILE}`)
  if (section === '')
    return unused('has no section for clamd', `copy its files as doc/clamd-clients.md shows`)
  if (used === undefined) {
    const servers = JSON.stringify(rule.servers ?? '').slice(0, SHOWN)
    return unused(`asks the clamd at ${servers}`, toSet('servers', '"127.0.0.1:3311"'))
  }
  const about = `section ${section} of rspamd`
  const checkLines = [ok(what, `rspamd uses onescand as clamd at ${addressOf(rule)}`)]
  if (rule.action === undefined && rule.score === undefined) {
    const value = `has no action: rspamd accepts infected mail, unless a rule of yours names ${rule.symbol}`
    checkLines.push(warn(about, value, toSet('action', '"reject"')))
  }
  if (!isFalse(rule, 'scan_mime_parts')) {
    const value = 'onescand gets only attachments, instead of whole messages (scan_mime_parts)'
    checkLines.push(warn(about, value, toSet('scan_mime_parts', 'false')))
  }
  const failed = String(rule.symbol_fail ?? `${rule.symbol}_FAIL`)
  if (!JSON.stringify(forced).includes(failed)) {
    const value = `no rule of force_actions names ${failed}: rspamd accepts mail that could not be scanned`
    checkLines.push(warn(about, value, `add the lines of ${EXAMPLE} to ${FORCED}`))
  }
  return checkLines
}

/** Upper limit for the characters shown of an address. */
const SHOWN = 100
