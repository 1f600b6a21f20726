import { existsSync } from 'node:fs'
import { isIP } from 'node:net'
import { networkInterfaces } from 'node:os'
import { dirname, join } from 'node:path'
import { type CheckLine, failure, ok, warning } from '../../../lib/check/check-line.ts'
import { errorText } from '../../../lib/errors/fault.ts'
import { shellWord } from '../../../lib/text/shell-word.ts'
import { findPostfix } from '../../host/running-services.ts'
import { checkCopies, checkReturnService, checkTransport } from './as-it-is.ts'
import { matchAddress } from './onescand-endpoints.ts'
import {
  faultOf,
  faultOfTable,
  inPostfix,
  type MilterEntry,
  type MilterFault,
  POSTCONF,
  type Postfix,
  type PostfixHost,
  readPostfix,
  type SmtpdService,
  secondsOf,
  setting,
  splitMilters,
  splitTables,
  whileDown,
} from './postconf.ts'
import { unreachable } from './reach.ts'

/** The filter before the queue. */
const PROXY = 'smtpd_proxy_filter'
/** The deliveries by which mail may leave the queue for onescand. */
const DELIVERIES = [
  'virtual_transport',
  'mailbox_transport',
  'default_transport',
  'local_transport',
]
/** The parameters with the time for which a client of Postfix waits after a message. */
const TIME_LIMITS: Readonly<Record<string, string>> = {
  smtp: 'smtp_data_done_timeout',
  lmtp: 'lmtp_data_done_timeout',
}
/** Seconds for which Postfix should wait for a proxy: more than a scan and the next server need. */
const ENOUGH = 900
/** Seconds for which Postfix waits for a milter at the end of a message, postconf(5): as the page has it. */
const OF_MILTERS = 300
const SHOW = 'onescan check --mail ADDRESS shows it'

/**
 * Resolves to check lines about settings of this host's Postfix that a test mail cannot show. These are the
 * handling of mail while onescand cannot be reached, time limits, services without a filter, and the route
 * back. They come from postconf(1). Nothing is sent. A remedy only adds a value, or sets one that it states.
 */
export async function checkPostfix(host: PostfixHost): Promise<CheckLine[]> {
  let postfix: Postfix
  try {
    postfix = await readPostfix(host)
  } catch (error) {
    return [unasked(error as Error & { stderr?: string })]
  }
  const strangers = postfix.services.filter(takesStrangers)
  return [
    ...checkRuns(postfix),
    ...once(strangers.flatMap((service) => checkService(service, postfix))),
    ...once(takers(postfix).flatMap((service) => checkReturn(service, postfix))),
    ...checkInterfaces(postfix),
    ...(await checkMilterMaps(postfix)),
    ...checkMain(postfix),
  ]
}

/** Returns a check line with postconf's own error message, without details about how it was started. */
function unasked(error: Error & { readonly stderr?: string }): CheckLine {
  const said = error.stderr?.trim().split('\n').at(-1) || errorText(error)
  const [, foreign] = /inet_interfaces: no local interface found for (\S+)/.exec(said) ?? []
  if (foreign !== undefined) return foreignInterface(foreign)
  const [, closed] = /open (\/\S+): Permission denied/.exec(said) ?? []
  const remedy =
    closed === undefined
      ? `check that ${POSTCONF} works`
      : `chmod a+rX ${shellWord(dirname(closed))} ${shellWord(closed)}`
  return failure('Postfix', `postconf fails: ${said}`, remedy)
}

/** Removes repeated check lines: several services may share a setting of main.cf. */
const once = (checkLines: readonly CheckLine[]) =>
  checkLines.filter(
    ({ what, value }, at) =>
      at === checkLines.findIndex((other) => other.what === what && other.value === value),
  )

/**
 * Returns whether it is not a service of the loopback address, which takes mail back from a filter:
 * FILTER_README.
 */
const takesStrangers = ({ name }: SmtpdService) => !/^(127\.|localhost:|\[::1\])/.test(name)

/** Returns check lines whether this service's mail reaches onescand, and with which settings. */
function checkService(service: SmtpdService, postfix: Postfix): CheckLine[] {
  const ofFilter = checkFilter(service, postfix)
  if (ofFilter !== undefined) return ofFilter
  const value = service.valueOf('smtpd_milters')
  const what = service.placeOf('smtpd_milters')
  const fault = faultOf(value)
  if (fault !== undefined) return [unreadable(service, value, fault)]
  const milters = splitMilters(value)
  const odd = milters
    .filter(({ text }) => text.startsWith('inet6:'))
    .map((milter) => inet6(service, milter, value))
  const known = milters.filter(({ text }) => isOnescand(text, postfix))
  const away = milters
    .filter((milter) => !known.includes(milter))
    .flatMap((milter) => unreachable(service, milter, postfix) ?? [])
  if (known.length > 0) {
    const terms = known.flatMap((milter) => checkMilter(service, milter, postfix))
    return [...odd, ...checkOverride(service), ...terms, ...away]
  }
  if (odd.length > 0) return odd
  if (away.length > 0) return away
  const own = withinReach(service, postfix)
  if (milters.length > 0) {
    const names = milters.map(({ text }) => text).join(', ')
    const asks = postfix.endpoints.clamd.length > 0 ? ', or uses it as clamd' : ''
    const said = `${names}: it is unknown whether it is onescand${asks}`
    const remedy = `${SHOW}; if not, ${toAsk(service, value, own)}`
    return [warning(what, `${said}; its mail is scanned only if that is onescand`, remedy)]
  }
  const filter = foreignFilter(service)
  if (filter !== undefined && postfix.endpoints.clamd.length > 0) {
    const value = `passes mail to ${service.valueOf(filter)}: it is unknown whether that uses onescand as clamd`
    return [warning(service.placeOf(filter), value, SHOW)]
  }
  const reason = 'uses neither a milter of onescand nor a filter: its mail is not scanned'
  const remedy = toAsk(service, value, own)
  // If Postfix was installed after onescan, systemd listens for it from onescan's next start on.
  const isMissing = own === USUAL && !existsSync(join(postfix.queue, 'onescan/milter.sock'))
  const command = isMissing ? `systemctl restart onescand && ${remedy}` : remedy
  return [failure(what === 'smtpd_milters' ? what : service.name, reason, command)]
}

/** Returns the parameter that makes a service pass mail to another filter, such as amavis. */
const foreignFilter = (service: SmtpdService): string | undefined =>
  [PROXY, 'content_filter'].find((name) => service.valueOf(name) !== '')

function unreadable(
  service: SmtpdService,
  list: string,
  { reason, meant }: MilterFault,
): CheckLine {
  const value = `${list}: ${reason}: Postfix defers all mail`
  const remedy =
    meant === undefined
      ? 'write each milter as unix:PATH or inet:HOST:PORT, in braces with its options; then postfix reload'
      : service.toSet('smtpd_milters', meant)
  return failure(service.placeOf('smtpd_milters'), value, remedy)
}

/** Returns the command that adds onescand to a service's milters. */
const toAsk = (service: SmtpdService, list: string, own: string): string =>
  service.toSet('smtpd_milters', list === '' ? own : `${list}, ${own}`)

/** The address of onescand for Postfix in its documentation. */
const USUAL = 'unix:onescan/milter.sock'

/** A milter of onescand that a service reaches: from its chroot, a path below the queue directory or a port. */
function withinReach({ isChrooted }: SmtpdService, postfix: Postfix): string {
  const { endpoints, queue } = postfix
  const inQueue = endpoints.milters.find((address) => address.startsWith(`unix:${queue}/`))
  const others = endpoints.milters.filter((address) => !isChrooted || /^inet/.test(address))
  return inPostfix(inQueue ?? others[0] ?? USUAL, postfix)
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

/**
 * Returns the check lines about the service's filter over SMTP, if that is onescand, or undefined if it is not.
 */
function checkFilter(service: SmtpdService, postfix: Postfix): CheckLine[] | undefined {
  for (const name of [PROXY, 'content_filter', ...DELIVERIES]) {
    const value = service.valueOf(name)
    const address = smtpDoorAt(name, value, postfix)
    if (address === undefined) continue
    const found = ok(service.placeOf(name), `passes mail to ${address}, where onescand listens`)
    const transport = name === PROXY ? undefined : postfix.transports.get(value.split(':')[0]!)
    return [
      found,
      ...checkTimeLimit(service, name, value, postfix),
      ...(transport === undefined ? [] : checkTransport(transport, postfix)),
      ...(name === 'content_filter'
        ? takers(postfix).flatMap((back) => checkCopies(service, back, postfix))
        : []),
    ]
  }
  return undefined
}

/**
 * Returns the address of onescand that the value of such a parameter refers to. The value is
 * `scan:[127.0.0.1]:10025` or `lmtp:unix:/PATH`, a transport and its destination; that of smtpd_proxy_filter
 * is without a transport.
 */
function smtpDoorAt(
  name: string,
  value: string,
  { endpoints, queue }: Postfix,
): string | undefined {
  const destination = name === PROXY ? value : value.slice(value.indexOf(':') + 1)
  const place = destination.replace(/\[([^\]:]*)\]/, '$1')
  const address = /^(unix|inet):/.test(place) ? place : `inet:${place}`
  return matchAddress(address, endpoints.smtp, queue)
}

/** Returns check lines whether Postfix waits long enough for the filter that this parameter names. */
function checkTimeLimit(
  service: SmtpdService,
  name: string,
  value: string,
  { main, set, transports, scanTime }: Postfix,
): CheckLine[] {
  const transport = transports.get(value.split(':')[0]!)
  const limit = name === PROXY ? 'smtpd_proxy_timeout' : TIME_LIMITS[transport?.program ?? '']
  if (limit === undefined) return []
  const place = `${(name === PROXY ? service : transport!).name}/${limit}`
  const time = set.get(place) ?? main[limit] ?? ''
  if (secondsOf(time) > scanTime) return []
  const enough = setting(place, `${Math.max(ENOUGH, 2 * scanTime)}s`)
  return [warning(place, tooEarly(time, scanTime), enough)]
}

const tooEarly = (time: string, scanTime: number) =>
  `${time}: Postfix gives up before a scan does (SCANTIMEOUT=${scanTime})`

/** Returns check lines about mail while this milter of onescand cannot be reached, or is slow. */
function checkMilter(service: SmtpdService, milter: MilterEntry, postfix: Postfix): CheckLine[] {
  const { scanTime } = postfix
  const { text, options, written } = milter
  const list = service.valueOf('smtpd_milters')
  const term = (name: 'default_action' | 'content_timeout') => {
    const parameter = `milter_${name}`
    const own = options[name]
    const set = (value: string) => {
      if (own === undefined) return service.toSet(parameter, value)
      const changed = written.replace(`${name}=${own}`, `${name}=${value}`)
      return service.toSet('smtpd_milters', list.replace(written, changed))
    }
    return { value: own ?? service.valueOf(parameter), place: service.placeOf(parameter), set }
  }
  const action = term('default_action')
  const timeout = term('content_timeout')
  const checkLines = [
    unreachable(service, milter, postfix) ??
      ok(service.name, `uses onescand at ${text}; while that is down, ${whileDown(action.value)}`),
  ]
  if (action.value === 'accept') {
    const value = `accept: mail is accepted unscanned while ${text} is down`
    checkLines.push(failure(action.place, value, action.set('tempfail')))
  } else if (action.value !== 'tempfail') {
    const value = `${action.value}: while ${text} is down, ${whileDown(action.value)}`
    checkLines.push(warning(action.place, value, action.set('tempfail')))
  }
  if (secondsOf(timeout.value) <= scanTime) {
    const enough =
      scanTime < OF_MILTERS ? timeout.set(`${OF_MILTERS}s`) : `set SCANTIMEOUT below ${OF_MILTERS}`
    checkLines.push(warning(timeout.place, tooEarly(timeout.value, scanTime), enough))
  }
  return checkLines
}

function checkOverride(service: SmtpdService): CheckLine[] {
  const name = 'receive_override_options'
  const value = service.valueOf(name)
  if (!/\bno_milters\b/.test(value)) return []
  const others = value.split(/[\s,]+/).filter((word) => word !== 'no_milters' && word !== '')
  const reason = `${value}: the milters of ${service.name} are not used, and its mail is not scanned`
  return [failure(service.placeOf(name), reason, service.toSet(name, others.join(', ')))]
}

/** Returns the services that take mail back from onescand. */
const takers = ({ services, endpoints }: Postfix) =>
  services.filter(({ name }) => {
    const [, port] = /(?:^|:)(\d+)\/inet$/.exec(name) ?? []
    return port !== undefined && endpoints.next.some((next) => next.endsWith(`:${port}`))
  })

/**
 * Returns check lines about a service that takes mail back from onescand: it must not pass the mail to onescand
 * again, and must leave it unchanged.
 */
function checkReturn(service: SmtpdService, postfix: Postfix): CheckLine[] {
  const loops = ['content_filter', PROXY].flatMap((name) => {
    const value = service.valueOf(name)
    if (smtpDoorAt(name, value, postfix) === undefined) return []
    const reason = `has ${name} = ${value}: mail that returns from onescand is sent to it again, in a loop`
    return [failure(service.name, reason, setting(`${service.name}/${name}`, ''))]
  })
  return [...loops, ...checkReturnService(service)]
}

function checkMain(postfix: Postfix): CheckLine[] {
  const { main, transports } = postfix
  const checkLines: CheckLine[] = []
  const [transport] = (main.content_filter ?? '').split(':')
  if (transport && !transports.has(transport)) {
    const value = `${main.content_filter}: master.cf has no transport ${transport}, so all mail is deferred`
    const remedy = 'add it to master.cf (doc/mail-servers.md), then postfix reload'
    checkLines.push(failure('content_filter', value, remedy))
  }
  checkLines.push(...checkLocalMail(postfix))
  const limit = main.smtp_line_length_limit ?? '998'
  if (limit !== '0' && postfix.makesStamps) {
    const value = `${limit}: Postfix folds longer lines when it sends mail, which breaks its stamp`
    const remedy = 'postconf -e smtp_line_length_limit=0, or let the next host scan it again'
    checkLines.push(warning('smtp_line_length_limit', value, remedy))
  }
  return checkLines
}

/** The clients with milters of their own. A table that cannot be read ends each smtpd(8). */
async function checkMilterMaps(postfix: Postfix): Promise<CheckLine[]> {
  const what = 'smtpd_milter_maps'
  const list = postfix.main[what]
  if (!list) return []
  for (const table of splitTables(list)) {
    const fault = await faultOfTable(table, postfix)
    if (fault === undefined) continue
    const value = `${table}: Postfix cannot read it, and accepts no mail over SMTP: ${fault}`
    return [failure(what, value, 'fix or remove this table; then postfix reload')]
  }
  const value = `${list}: clients in it have milters of their own, or none`
  return [warning(what, value, 'check that it lists no client whose mail must be scanned')]
}

/** An address that this host does not have ends each program of Postfix. */
function checkInterfaces({ main }: Postfix): CheckLine[] {
  const own = ownAddresses()
  const words = (main.inet_interfaces ?? '').split(/[\s,]+/)
  const foreign = words.find((word) => {
    const address = word.replace(/^\[|\]$/g, '')
    return isIP(address) !== 0 && !own.includes(address)
  })
  return foreign === undefined ? [] : [foreignInterface(foreign)]
}

function foreignInterface(address: string): CheckLine {
  const value = `${address}: this host has no such address, so Postfix delivers no mail`
  const own = ownAddresses().join(', ')
  const remedy = `set addresses of this host (${own}), or all; then postfix stop; postfix start`
  return failure('inet_interfaces', value, remedy)
}

const ownAddresses = () =>
  Object.values(networkInterfaces()).flatMap((all = []) => all.map(({ address }) => address))

/** Mail of programs, by sendmail(1): it meets other milters, and no proxy filter. */
function checkLocalMail(postfix: Postfix): CheckLine[] {
  const { main } = postfix
  const what = 'non_smtpd_milters'
  const local = splitMilters(main[what] ?? '')
  if (local.some(({ text }) => isOnescand(text, postfix))) return []
  const isFiltered = ['content_filter', ...DELIVERIES].some(
    (name) => smtpDoorAt(name, main[name] ?? '', postfix) !== undefined,
  )
  const known = splitMilters(main.smtpd_milters ?? '').filter(({ text }) =>
    isOnescand(text, postfix),
  )
  if (isFiltered || known.length === 0) return []
  const list = [...local, ...known].map(({ written }) => written).join(', ')
  const value = 'mail that local programs send with sendmail(1) is not scanned'
  return [warning(what, value, setting(what, list))]
}

/** Checks whether Postfix runs, if this is the Postfix of the host. Only root sees that. */
function checkRuns({ directory, queue }: Postfix): CheckLine[] {
  const isRoot = process.getuid!() === 0
  if (directory !== '' || !isRoot || findPostfix().includes(queue)) return []
  return [failure('Postfix', 'is not running: no mail is delivered', 'postfix start')]
}
