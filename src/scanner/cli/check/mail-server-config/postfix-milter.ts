import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type CheckLine, failure, marked, ok, warning } from '../../../../base/check/check-line.ts'
import { attempt, errorText } from '../../../../base/errors/fault.ts'
import { readOwnFile } from '../../../../base/path/open.ts'
import { parseDuration } from '../../../../base/text/units.ts'
import { inSettingsOf } from '../../../readiness/host/checked-host.ts'
import { matchAddress } from './onescand-endpoints.ts'
import {
  faultOf,
  lookUp,
  type MilterEntry,
  type MilterFault,
  type Postfix,
  SmtpdService,
  setting,
  splitMilters,
  splitTables,
  tooEarly,
  whileDown,
  withOption,
} from './postconf.ts'
import { asBehindProxy, foreignFilter, isFilteredBySmtp, PROXY } from './postfix-filter.ts'
import {
  addedAtPort,
  SHOWN_BY_MAIL,
  USUAL_MILTER,
  unreachable,
  withinReach,
} from './unreachable-milter.ts'

/** Seconds for which Postfix waits for a milter at the end of a message: milter_content_timeout in postconf(5). */
const MILTER_SECONDS = 300

/** Returns check lines about the milters of a service whose mail reaches onescan by another way: they delay it, too. */
export const checkMiltersBeside = (service: SmtpdService, postfix: Postfix): CheckLine[] =>
  othersOutOfReach(service, postfix).map(besideOnescand)

function othersOutOfReach(service: SmtpdService, postfix: Postfix): CheckLine[] {
  const list = service.valueOf('smtpd_milters')
  if (faultOf(list) !== undefined) return []
  return splitMilters(list)
    .filter(({ text }) => !isOnescand(text, postfix))
    .flatMap((milter) => unreachable(service, milter, postfix) ?? [])
}

/** Returns check lines whether this service's milters include onescand, and with which settings. */
export function checkMilters(service: SmtpdService, postfix: Postfix): CheckLine[] {
  const list = service.valueOf('smtpd_milters')
  const what = service.placeOf('smtpd_milters')
  const fault = faultOf(list)
  if (fault !== undefined) return [unreadable(service, list, fault)]
  const milters = splitMilters(list)
  const odd = milters
    .filter(({ text }) => text.startsWith('inet6:'))
    .map((milter) => inet6(service, milter, list))
  const known = milters.filter(({ text }) => isOnescand(text, postfix))
  const away = othersOutOfReach(service, postfix)
  if (known.length > 0) {
    const terms = known.flatMap((milter) => checkMilter(service, milter, postfix))
    return [...odd, ...checkOverride(service), ...terms, ...away.map(besideOnescand)]
  }
  if (odd.length > 0) return odd
  if (away.length > 0) return away
  const beside = asBehindProxy(service, postfix)
  const toAdd = beside ?? toAsk(service, list, postfix)
  const servesFilters = postfix.endpoints.clamd.length > 0
  if (milters.length > 0) {
    const names = milters.map(({ text }) => text).join(', ')
    if (servesFilters) return [usesClamdPerhaps(what, names)]
    const state = `${names}: may be another filter than onescand; then this mail is not scanned`
    return [warning(what, state, `${SHOWN_BY_MAIL}; if not, ${toAdd}`)]
  }
  const filter = foreignFilter(service)
  if (filter !== undefined && servesFilters)
    return [usesClamdPerhaps(service.placeOf(filter), service.valueOf(filter))]
  if (beside !== undefined) {
    const value = `passes mail past onescand, which waits for it as an ${PROXY}: it is not scanned`
    return [failure(service.name, value, beside)]
  }
  return [notFiltered(service, toAdd, postfix)]
}

/** A further milter that Postfix does not reach: mail that it accepts is scanned all the same. */
const besideOnescand = (checkLine: CheckLine): CheckLine => ({
  ...checkLine,
  value: checkLine.value.replace(whileDown('accept'), 'Postfix accepts mail without this filter'),
})

/** A filter that may use onescand as clamd, which only its own settings show. */
const usesClamdPerhaps = (what: string, filter: string) =>
  marked(
    warning(
      what,
      `${filter}: it is unknown whether this filter uses onescand as clamd`,
      SHOWN_BY_MAIL,
    ),
    'may ask clamd',
  )

function notFiltered(service: SmtpdService, toAdd: string, postfix: Postfix): CheckLine {
  const what = service.placeOf('smtpd_milters')
  const reason = 'uses neither a milter of onescand nor a filter: its mail is not scanned'
  // If Postfix was installed after onescan, systemd listens for it from onescan's next start on.
  const isMissing =
    addedAtPort(service, postfix) === undefined &&
    withinReach(service, postfix) === USUAL_MILTER &&
    !existsSync(join(postfix.queue, 'onescan/milter.sock'))
  const command = isMissing ? `systemctl restart onescand && ${toAdd}` : toAdd
  return failure(what === 'smtpd_milters' ? what : service.name, reason, command)
}

function unreadable(
  service: SmtpdService,
  list: string,
  { reason, meant }: MilterFault,
): CheckLine {
  const value = `${list}: ${reason}: Postfix defers all mail`
  const remedy =
    meant === undefined
      ? 'write each milter as unix:PATH or inet:HOST:PORT, in braces with its options, then run postfix reload'
      : service.toSet('smtpd_milters', meant)
  return failure(service.placeOf('smtpd_milters'), value, remedy)
}

/** The script of the package that adds onescand to the milters of main.cf, for local mail, too. */
const SCRIPT = '/usr/share/onescan/examples/postfix/postfix-milter'

/** Returns the command that adds onescand to a service's milters. */
function toAsk(service: SmtpdService, list: string, postfix: Postfix): string {
  const overPort = addedAtPort(service, postfix)
  if (overPort !== undefined) return overPort
  const own = withinReach(service, postfix)
  const isForScript =
    own === USUAL_MILTER &&
    postfix.directory === '' &&
    service.placeOf('smtpd_milters') === 'smtpd_milters'
  return isForScript && existsSync(SCRIPT)
    ? `sh ${SCRIPT} && postfix reload`
    : service.toSet(
        'smtpd_milters',
        [...(list === '' ? [] : [list]), `{ ${own}, default_action=tempfail }`].join(', '),
      )
}

const isOnescand = (text: string, { endpoints, queue }: Postfix) =>
  matchAddress(text, endpoints.milters, queue) !== undefined

function inet6(service: SmtpdService, { text, written }: MilterEntry, list: string): CheckLine {
  const changed = written.replace('inet6:', 'inet:')
  return failure(
    service.placeOf('smtpd_milters'),
    `${text}: Postfix does not support inet6: here, and defers all mail`,
    service.toSet('smtpd_milters', list.replace(written, changed)),
  )
}

/** Returns check lines about a milter of onescand in smtpd_milters. */
function checkMilter(service: SmtpdService, milter: MilterEntry, postfix: Postfix): CheckLine[] {
  const { text } = milter
  const { value } = termOf(service, 'smtpd_milters', milter, 'default_action')
  const uses = `uses onescand at ${text}; while that is down, ${whileDown(value)}`
  return [
    unreachable(service, milter, postfix) ??
      marked(ok(service.name, uses), 'onescand acts on mail'),
    ...checkTerms(service, 'smtpd_milters', milter, postfix),
  ]
}

type MilterList = 'smtpd_milters' | 'non_smtpd_milters'

/** Returns a setting that applies to a milter of a list: its own, or that of all milters. */
function termOf(
  service: SmtpdService,
  list: MilterList,
  milter: MilterEntry,
  name: 'default_action' | 'content_timeout',
) {
  const parameter = `milter_${name}`
  const own = milter.options[name]
  if (own === undefined) {
    const set = (value: string) => service.toSet(parameter, value)
    return { value: service.valueOf(parameter), place: service.placeOf(parameter), set }
  }
  const set = (value: string) => {
    const changed = withOption(milter, name, value)
    return service.toSet(
      list,
      service.valueOf(list).replace(milter.written, () => changed),
    )
  }
  return { value: own, place: `${name} in ${service.placeOf(list)}`, set }
}

/** Returns check lines about mail while this milter of onescand cannot be reached, or is slow. */
function checkTerms(
  service: SmtpdService,
  list: MilterList,
  milter: MilterEntry,
  { scanSeconds }: Postfix,
): CheckLine[] {
  const { text } = milter
  const action = termOf(service, list, milter, 'default_action')
  const timeout = termOf(service, list, milter, 'content_timeout')
  const checkLines: CheckLine[] = []
  const word = action.value.toLowerCase()
  if (word === 'accept') {
    const value = `is ${action.value}, so mail is accepted unscanned while ${text} is down`
    checkLines.push(failure(action.place, value, action.set('tempfail')))
  } else if (word !== 'tempfail') {
    const value = `is ${action.value}, so while ${text} is down, ${whileDown(word)}`
    checkLines.push(warning(action.place, value, action.set('tempfail')))
  }
  if ((parseDuration(timeout.value) ?? MILTER_SECONDS) <= scanSeconds) {
    const enough =
      scanSeconds < MILTER_SECONDS
        ? timeout.set(`${MILTER_SECONDS}s`)
        : inSettingsOf({ isDaemon: true }, `set SCANTIMEOUT below ${MILTER_SECONDS}`)
    checkLines.push(warning(timeout.place, tooEarly(timeout.value, scanSeconds), enough))
  }
  return checkLines
}

function checkOverride(service: SmtpdService): CheckLine[] {
  const name = 'receive_override_options'
  const value = service.valueOf(name)
  if (!/\bno_milters\b/.test(value)) return []
  const others = value.split(/[\s,]+/).filter((word) => word !== 'no_milters' && word !== '')
  const reason = `is ${value}, so the milters of ${service.name} are not used, and its mail is not scanned`
  return [failure(service.placeOf(name), reason, service.toSet(name, others.join(', ')))]
}

/** Addresses for documentation (RFC 5737, RFC 3849). A table that has milters for them has these for all clients. */
const ANY_CLIENTS = ['192.0.2.1', '2001:db8::1']

/** The clients with milters of their own. A table that cannot be read ends each smtpd(8). */
export async function checkMilterMaps(postfix: Postfix): Promise<CheckLine[]> {
  const what = 'smtpd_milter_maps'
  const list = postfix.main[what]
  if (!list) return []
  const others = new Map<string, string>()
  for (const table of splitTables(list)) {
    try {
      for (const client of ANY_CLIENTS) {
        const found = await lookUp(client, table, postfix)
        if (found !== undefined && !others.has(client)) others.set(client, found)
      }
    } catch (error) {
      const value = `Postfix cannot read ${table} (${errorText(error)}), and accepts no mail over SMTP`
      const remedy = `correct ${table}, or remove it from ${what}, then run postfix reload`
      return [failure(what, value, remedy)]
    }
  }
  const scans = (milters: string) =>
    splitMilters(milters).some(({ text }) => isOnescand(text, postfix))
  const [odd] = [...others].filter(([, milters]) => !scans(milters))
  if (odd !== undefined) {
    const [client, milters] = odd
    const value = `${list} has ${milters} for clients such as ${client}: mail of any client may pass unscanned`
    const remedy = `limit ${list} to single clients, or add onescand's milter there, then run postfix reload`
    return [failure(what, value, remedy)]
  }
  const value = `clients in ${list} have other milters, and mail of those without onescand is not scanned`
  const exempt = splitTables(list).flatMap((table) =>
    linesOf(table).filter((line) => /\bDISABLE\b/.test(line)),
  )
  if (exempt.length === 0) return [ok(what, value)]
  const named = exempt.slice(0, CLIENTS_MAX).map((line) => JSON.stringify(line.slice(0, LINE_MAX)))
  const remedy = `if mail of these clients should be scanned, remove them from ${list}, then run postfix reload`
  return [warning(what, `has clients whose mail is not scanned: ${named.join(', ')}`, remedy)]
}

/** Upper limit for the bytes read of a table. */
const TABLE_MAX = 1024 * 1024
/** Upper limits for the lines of a table that a check line names, and for the characters of each. */
const CLIENTS_MAX = 5
const LINE_MAX = 80

/** Returns the lines of a table, as far as they are text: in main.cf itself, or in a file. */
function linesOf(table: string): string[] {
  const [, path] = /^\w+:(\/.+)$/s.exec(table) ?? []
  if (path === undefined) return [table]
  const text = String(attempt(() => readOwnFile(path, TABLE_MAX)) ?? '')
  return text.split('\n').filter((line) => !line.startsWith('#'))
}

/** Returns a milter of local mail alone that Postfix cannot reach, and why. Those of smtpd have check lines of their own. */
function lostOfLocalMail(
  local: readonly MilterEntry[],
  ofSmtp: readonly MilterEntry[],
  postfix: Postfix,
): { readonly text: string; readonly reason: string } | undefined {
  const [service] = postfix.services
  if (service === undefined) return undefined
  for (const milter of local) {
    if (ofSmtp.some(({ text }) => text === milter.text)) continue
    const found = unreachable(service, milter, postfix)
    if (found !== undefined) return { text: milter.text, reason: found.value }
  }
  return undefined
}

/** Mail of programs, by sendmail(1): it meets other milters, and no proxy filter. */
export function checkLocalMail(postfix: Postfix): CheckLine[] {
  const { main } = postfix
  const what = 'non_smtpd_milters'
  const local = splitMilters(main[what] ?? '')
  const ofSmtp = splitMilters(main.smtpd_milters ?? '')
  const known = ofSmtp.filter(({ text }) => isOnescand(text, postfix))
  const away = lostOfLocalMail(local, ofSmtp, postfix)
  if (away !== undefined) {
    const others = local.filter(({ text }) => text !== away.text)
    const list = [...new Set([...others, ...known].map(({ written }) => written))].join(', ')
    const value = `${away.text}: ${away.reason} that local programs send`
    return [failure(what, value, setting(what, list))]
  }
  const asked = local.filter(({ text }) => isOnescand(text, postfix))
  const cleanup = new SmtpdService('cleanup/unix', false, {}, main)
  if (asked.length > 0) return asked.flatMap((milter) => checkTerms(cleanup, what, milter, postfix))
  if (isFilteredBySmtp(postfix) || known.length === 0) return []
  const list = [...local, ...known].map(({ written }) => written).join(', ')
  const value = 'mail that local programs send with sendmail(1) is not scanned'
  return [warning(what, value, setting(what, list))]
}
