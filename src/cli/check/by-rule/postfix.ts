import { errorText } from '../../../ground/errors/fault.ts'
import { error, type Finding, ok, warning } from '../../../ground/errors/finding.ts'
import { shellWord } from '../../../ground/errors/shell-word.ts'
import { rootFacts } from '../../shared/root-facts.ts'
import { matchAddress } from './onescand-places.ts'
import {
  inPostfix,
  type MilterEntry,
  type Parameters,
  POSTCONF,
  type Postfix,
  type PostfixHost,
  parameterPlace,
  type ReadPostfix,
  readPostfix,
  type SmtpdService,
  secondsOf,
  setParameter,
  splitMilters,
  valueFor,
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
/** What Postfix waits for at a proxy, in words for people: more than a scan and the next server. */
const ENOUGH = 900
const SHOW = 'onescan check --mail ADDRESS shows it'

/**
 * Says by rule what mail cannot show of this host's Postfix: what becomes of mail while onescand cannot be
 * asked, time limits, services without a filter, and what leads mail back. postconf(1) is asked; nothing is
 * sent. A remedy only adds, or sets a value that is said.
 */
export async function checkPostfix(host: PostfixHost): Promise<Finding[]> {
  let postfix: Postfix
  try {
    postfix = await readPostfix(host.directory)
  } catch (thrown) {
    const why = errorText(thrown).split('\n')[0]!
    return [error('Postfix', `cannot be asked: ${why}`, `see that ${POSTCONF} works`)]
  }
  const queue = postfix.main.queue_directory ?? '/var/spool/postfix'
  const read: ReadPostfix = { ...host, postfix, queue }
  const strangers = postfix.services.filter(takesStrangers)
  return [
    ...checkRuns(read),
    ...once(strangers.flatMap((service) => checkService(service, read))),
    ...once(postfix.services.flatMap((service) => checkReturn(service, read))),
    ...checkMain(read),
  ]
}

/** What several services have from main.cf is said once. */
const once = (findings: readonly Finding[]) =>
  findings.filter(
    ({ what, value }, at) =>
      at === findings.findIndex((other) => other.what === what && other.value === value),
  )

/** Not a service of the loopback address, which takes mail back from a filter: FILTER_README. */
const takesStrangers = ({ name }: SmtpdService) => !/^(127\.|localhost:|\[::1\])/.test(name)

/** Whether this service's mail gets to onescand, and on which terms. */
function checkService(service: SmtpdService, read: ReadPostfix): Finding[] {
  const { postfix, places } = read
  const filter = filterOf(service, read)
  if (filter !== undefined) return checkFilter(service, filter, read)
  const value = valueFor(postfix, service, 'smtpd_milters')
  const milters = splitMilters(value)
  const what = parameterPlace(service, 'smtpd_milters')
  const odd = milters
    .filter(({ text }) => text.startsWith('inet6:'))
    .map((milter) => inet6(service, milter, value))
  const known = milters.filter(({ text }) => isOnescand(text, read))
  if (known.length > 0) {
    const terms = known.flatMap((milter) => checkMilter(service, milter, read))
    return [...odd, ...checkOverride(service, read), ...terms]
  }
  if (odd.length > 0) return odd
  const away = milters.flatMap((milter) => unreachable(service, milter, read) ?? [])
  if (away.length > 0) return away
  if (milters.length > 0) {
    const names = milters.map(({ text }) => text).join(', ')
    const said = `${names}: whether it is onescand was not seen`
    return [warning(what, `${said}; its mail is scanned only if it is`, SHOW)]
  }
  const list = [value, inPostfix(places.milters[0] ?? USUAL, read)].filter(Boolean).join(', ')
  const why = 'names neither a milter of onescand nor a filter: its mail is not scanned'
  return [
    error(
      what === 'smtpd_milters' ? what : service.name,
      why,
      setParameter(service, 'smtpd_milters', list),
    ),
  ]
}

/** Where onescand listens for Postfix by its page. */
const USUAL = 'unix:onescan/milter.sock'

const isOnescand = (text: string, { places, queue }: ReadPostfix) =>
  matchAddress(text, places.milters, queue) !== undefined

function inet6(service: SmtpdService, { text, written }: MilterEntry, list: string): Finding {
  const changed = written.replace('inet6:', 'inet:')
  return error(
    parameterPlace(service, 'smtpd_milters'),
    `${text}: Postfix knows no inet6, and defers all mail`,
    setParameter(service, 'smtpd_milters', list.replace(written, changed)),
  )
}

/** A filter of onescand by SMTP, and the parameter that names it. */
interface Filter {
  readonly name: string
  readonly value: string
  readonly address: string
}

function filterOf(service: SmtpdService, read: ReadPostfix): Filter | undefined {
  for (const name of [PROXY, 'content_filter', ...DELIVERIES]) {
    const value = valueFor(read.postfix, service, name)
    const address = relayAt(name, value, read)
    if (address !== undefined) return { name, value, address }
  }
  return undefined
}

/**
 * The address of onescand to which the value of such a parameter leads: `scan:[127.0.0.1]:10025` or
 * `lmtp:unix:/PATH`, a transport and its destination; that of smtpd_proxy_filter is without a transport.
 */
function relayAt(name: string, value: string, { places, queue }: ReadPostfix): string | undefined {
  const destination = name === PROXY ? value : value.slice(value.indexOf(':') + 1)
  const place = destination.replace(/\[([^\]:]*)\]/, '$1')
  const address = /^(unix|inet):/.test(place) ? place : `inet:${place}`
  return matchAddress(address, places.relays, queue)
}

function checkFilter(service: SmtpdService, filter: Filter, read: ReadPostfix): Finding[] {
  const { name, value, address } = filter
  const { postfix, scanTime } = read
  const found = ok(
    parameterPlace(service, name),
    `hands mail to ${address}, where onescand listens`,
  )
  const [limit, time, remedy] = timeLimit(service, name, value, postfix) ?? []
  if (limit === undefined || secondsOf(time!) > scanTime) return [found]
  const late = `${time}: Postfix gives up before a scan does (SCANTIMEOUT, ${scanTime} s)`
  return [found, warning(limit, late, remedy!(`${Math.max(ENOUGH, 2 * scanTime)}s`))]
}

/** How long Postfix waits for the filter: the place of the limit, its value, and how to set it. */
function timeLimit(
  service: SmtpdService,
  name: string,
  value: string,
  { main, set, transports }: Postfix,
): [string, string, (value: string) => string] | undefined {
  const setting = (place: string) => (time: string) =>
    `postconf -P ${shellWord(`${place}=${time}`)} && postfix reload`
  if (name === PROXY) {
    const place = `${service.name}/smtpd_proxy_timeout`
    return [place, set.get(place) ?? main.smtpd_proxy_timeout ?? '', setting(place)]
  }
  const { name: line, program } = transports.get(value.split(':')[0]!) ?? {}
  if (program !== 'smtp' && program !== 'lmtp') return undefined
  const limit = `${program}_data_done_timeout`
  return [
    `${line}/${limit}`,
    set.get(`${line}/${limit}`) ?? main[limit] ?? '',
    setting(`${line}/${limit}`),
  ]
}

/** What becomes of mail while this milter of onescand cannot be asked, or takes its time. */
function checkMilter(service: SmtpdService, milter: MilterEntry, read: ReadPostfix): Finding[] {
  const { postfix, scanTime } = read
  const { text, options, written } = milter
  const list = valueFor(postfix, service, 'smtpd_milters')
  const term = (name: 'default_action' | 'content_timeout') => {
    const parameter = `milter_${name}`
    const set = (value: string) =>
      options[name] === undefined
        ? setParameter(service, parameter, value)
        : setParameter(
            service,
            'smtpd_milters',
            list.replace(written, written.replace(`${name}=${options[name]}`, `${name}=${value}`)),
          )
    return {
      value: options[name] ?? valueFor(postfix, service, parameter),
      place: parameterPlace(service, parameter),
      set,
    }
  }
  const action = term('default_action')
  const timeout = term('content_timeout')
  const findings = [
    unreachable(service, milter, read) ??
      ok(service.name, `asks onescand at ${text}; while that is down, ${whileDown(action.value)}`),
  ]
  if (action.value === 'accept') {
    findings.push(
      error(
        action.place,
        `accept: mail gets in unscanned while ${text} is down`,
        action.set('tempfail'),
      ),
    )
  } else if (action.value !== 'tempfail') {
    const value = `${action.value}: while ${text} is down, ${whileDown(action.value)}`
    findings.push(warning(action.place, value, action.set('tempfail')))
  }
  if (secondsOf(timeout.value) <= scanTime) {
    const value = `${timeout.value}: Postfix gives up before a scan does (SCANTIMEOUT, ${scanTime} s)`
    findings.push(warning(timeout.place, value, timeout.set(`${Math.max(300, 2 * scanTime)}s`)))
  }
  return findings
}

function checkOverride(service: SmtpdService, { postfix }: ReadPostfix): Finding[] {
  const name = 'receive_override_options'
  const value = valueFor(postfix, service, name)
  if (!/\bno_milters\b/.test(value)) return []
  const others = value.split(/[\s,]+/).filter((word) => word !== 'no_milters' && word !== '')
  const why = `${value}: the milters of ${service.name} are not asked, and its mail is not scanned`
  return [error(parameterPlace(service, name), why, setParameter(service, name, others.join(', ')))]
}

/** A service that takes mail back from onescand must not hand it on again. */
function checkReturn(service: SmtpdService, read: ReadPostfix): Finding[] {
  const { postfix, places } = read
  const [, port] = /(?:^|:)(\d+)\/inet$/.exec(service.name) ?? []
  if (port === undefined || !places.next.some((next) => next.endsWith(`:${port}`))) return []
  return ['content_filter', PROXY].flatMap((name) => {
    const value = valueFor(postfix, service, name)
    if (relayAt(name, value, read) === undefined) return []
    const why = `has ${name} = ${value}: mail that comes back from onescand goes to it again, a loop`
    const remedy = `postconf -P ${shellWord(`${service.name}/${name}=`)} && postfix reload`
    return [error(service.name, why, remedy)]
  })
}

function checkMain(read: ReadPostfix): Finding[] {
  const { main, transports } = read.postfix
  const findings: Finding[] = []
  const [transport] = (main.content_filter ?? '').split(':')
  if (transport && !transports.has(transport)) {
    const value = `${main.content_filter}: master.cf has no transport ${transport}, so all mail is deferred`
    findings.push(
      error('content_filter', value, 'add it to master.cf as its page has it; then postfix reload'),
    )
  }
  if (main.smtpd_milter_maps) {
    const value = `${main.smtpd_milter_maps}: clients in it have milters of their own, or none`
    findings.push(
      warning('smtpd_milter_maps', value, 'see that it names no client whose mail must be scanned'),
    )
  }
  findings.push(...checkLocalMail(main, read))
  const limit = main.smtp_line_length_limit ?? '998'
  if (limit !== '0' && read.makesStamps) {
    const value = `${limit}: Postfix folds longer lines when it sends mail, which breaks its stamp`
    const remedy = 'postconf -e smtp_line_length_limit=0, or have the next host scan it again'
    findings.push(warning('smtp_line_length_limit', value, remedy))
  }
  return findings
}

/** Mail of programs, by sendmail(1): it meets other milters, and no proxy filter. */
function checkLocalMail(main: Parameters, read: ReadPostfix): Finding[] {
  const what = 'non_smtpd_milters'
  const local = splitMilters(main[what] ?? '')
  if (local.some(({ text }) => isOnescand(text, read))) return []
  const isFiltered = ['content_filter', ...DELIVERIES].some(
    (name) => relayAt(name, main[name] ?? '', read) !== undefined,
  )
  const known = splitMilters(main.smtpd_milters ?? '').filter(({ text }) => isOnescand(text, read))
  if (isFiltered || known.length === 0) return []
  const list = [...local, ...known].map(({ written }) => written).join(', ')
  const value = 'mail of local programs, by sendmail(1), is not scanned'
  return [warning(what, value, `postconf -e ${shellWord(`${what} = ${list}`)} && postfix reload`)]
}

/** Checks whether Postfix runs, if this is the Postfix of the host. Only root sees that. */
function checkRuns({ directory, queue }: ReadPostfix): Finding[] {
  const part = rootFacts?.part
  if (directory !== '' || part?.of !== 'host' || part.postfix.includes(queue)) return []
  return [error('Postfix', 'does not run: no mail moves', 'postfix start')]
}
