import { existsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import {
  type CheckLine,
  failure,
  following,
  hasMark,
  marked,
  ok,
  warning,
} from '../../../../base/check/check-line.ts'
import { attempt } from '../../../../base/errors/fault.ts'
import { isLoopbackHost } from '../../../../base/net/server-address.ts'
import { shellWord } from '../../../../base/text/shell-word.ts'
import { parseDuration } from '../../../../base/text/units.ts'
import type { NamedDoor } from '../../../options/door-address.ts'
import {
  findAccount,
  obstacle,
  readAccounts,
  type SystemAccount,
} from '../../../readiness/host/account.ts'
import { inSettingsOf } from '../../../readiness/host/checked-host.ts'
import { isListening } from '../../host/open-ports.ts'
import { askSystemd } from '../../host/systemd-unit.ts'
import { listenRemedy } from '../services/lost-sockets.ts'
import { howToStart } from '../services/service-state.ts'
import { findMalwareRule, type MalwareRule } from './exim-acl.ts'
import {
  askExim,
  type EximSources,
  eximUnit,
  ignoredFiles,
  readEximSources,
  restartExim,
  startFault,
} from './exim-sources.ts'
import { matchAddress, type OnescandEndpoints, proxyTimeout } from './onescand-endpoints.ts'
import { checkQueueRoom } from './queue-room.ts'
import { SHOWN_BY_MAIL } from './unreachable-milter.ts'

/** The program of Debian, and of others. */
export const EXIMS = ['/usr/sbin/exim4', '/usr/sbin/exim'] as const

/** A router that passes mail to a port of this host. */
interface LocalRouter {
  readonly name: string
  readonly transport: string
  readonly port: number
}

/** What `exim -bP` prints: its main options, if nothing is named. */
type PrintedByExim = 'options' | 'routers' | 'transports' | 'config'

type PrintExim = (what: PrintedByExim) => Promise<string>

/** The Exim of a host, which is asked for each thing once. */
export interface Exim {
  readonly program: string
  /** Resolves to the output of `exim -bP`. */
  readonly print: PrintExim
  /** Resolves to what Exim would read after its next start. */
  readonly sources: () => Promise<EximSources | undefined>
}

export function eximOfHost(): Exim {
  const program = EXIMS.find((path) => existsSync(path)) ?? EXIMS[0]
  const printed = new Map<PrintedByExim, Promise<string>>()
  let sources: Promise<EximSources | undefined> | undefined
  return {
    program,
    print(what) {
      const names = what === 'options' ? [] : [what]
      const asked = printed.get(what) ?? askExim([program, '-bP', ...names])
      printed.set(what, asked)
      return asked
    },
    sources: () => (sources ??= readEximSources(program)),
  }
}

/** The data for checking routers: their host. */
interface EximHost {
  readonly endpoints: OnescandEndpoints
  /** SCANTIMEOUT of onescand, in seconds. */
  readonly scanSeconds: number
  readonly exim: Exim
  /** Returns whether something listens on this port of the host. */
  readonly listens?: (port: number) => boolean
}

/** The script of the package that adds onescan to Debian's Exim. */
const SCRIPT = '/usr/share/onescan/examples/exim/exim-debian'
const runScript = `sh ${SCRIPT} && systemctl restart exim4`
/** The port at which Exim takes scanned mail back, by that script. */
const RETURN_PORT = 10026

/** Returns the value of a main option that Exim prints, '' if it prints none. */
const optionIn = (options: string, name: string) => {
  const start = `${name} = `
  const line = options.split('\n').find((text) => text.startsWith(start))
  return line?.slice(start.length).trim() ?? ''
}

/** Resolves to check lines about what keeps Exim from starting, or from accepting mail: its configuration, and its files. */
export async function checkEximStart({ program, print, sources }: Exim): Promise<CheckLine[]> {
  const cannot = (value: string, remedy: string) =>
    marked(failure('Exim', value, remedy), 'stops the mail server')
  const read = await sources()
  const fault = read && startFault(read)
  if (fault !== undefined) {
    const { place, reason } = fault
    const value = `cannot start: its configuration has an error${place && ` in ${place}`}: "${reason.replaceAll('"', "'")}"`
    return [cannot(value, `correct ${place || 'it'}, then run ${restartExim()}`)]
  }
  const options = await print('options').catch(() => '')
  const account = findAccount(readAccounts(), optionIn(options, 'exim_user'), 'all')
  if (account === undefined) return []
  const spool = optionIn(options, 'spool_directory')
  const logs = optionIn(options, 'log_file_path')
    .split(':')
    .map((path) => path.trim())
    .filter((path) => path.startsWith('/'))
  const own = [
    ...[spool, ...SPOOL_DIRECTORIES.map((name) => `${spool}/${name}`)],
    ...logs.flatMap((path) => [dirname(path), path.replace('%s', 'main')]),
  ]
  for (const path of own) {
    const barrier = attempt(() => obstacle(account, path, 'write', ...searched(path)))
    if (barrier === undefined) continue
    const value = `cannot accept mail: its account ${account.name} may not write to ${path}`
    return [cannot(value, `${opened(barrier, path, account)} && systemctl restart ${eximUnit()}`)]
  }
  const full = checkQueueRoom('Exim', `${spool}/input`, [
    {
      setting: 'check_spool_space',
      bytes: sizeOf(optionIn(options, 'check_spool_space')),
      lower: `lower check_spool_space in its configuration, then run ${restartExim()}`,
    },
  ])
  if (full.length > 0) return full
  const status = attempt(() => statSync(program))
  const isRoots = status === undefined || (status.uid === 0 && (status.mode & SET_USER_ID) !== 0)
  if (isRoots || !/^no_deliver_drop_privilege$/m.test(options)) return []
  const lacking = `cannot deliver mail: ${program} is not set-user-ID root`
  return [failure('Exim', lacking, `chown root ${program} && chmod u+s ${program}`)]
}

/** Returns a size in bytes that Exim prints, `10M`. */
function sizeOf(text: string): number {
  const [, digits, unit = ''] = /^(\d+)([KMG]?)$/.exec(text) ?? []
  return Number(digits ?? 0) * 1024 ** ' KMG'.indexOf(unit || ' ')
}

/** What Exim writes below its spool directory; `scan` is that of its content scanning. */
const SPOOL_DIRECTORIES = ['input', 'msglog', 'db', 'scan']

/** A bit of the mode of a program: inode(7). */
const SET_USER_ID = 0o4000

const searched = (path: string) => (statSync(path).isDirectory() ? (['search'] as const) : [])

/** Returns the command that gives an account its own file or directory, or the way to it. */
const opened = (barrier: string, own: string, { name }: SystemAccount) =>
  barrier === own
    ? `chown -R ${name} ${shellWord(own)} && chmod u+rwX ${shellWord(own)}`
    : `chmod o+x ${shellWord(barrier)}`

/**
 * Returns the check line about the port at which Exim takes scanned mail back, if Exim runs and does not listen there.
 * Otherwise undefined.
 */
export function withEximReturn(
  checkLine: CheckLine,
  runs: () => boolean = () => askSystemd('exim4')?.active === 'active' && existsSync(SCRIPT),
): CheckLine | undefined {
  const [, port] = /^next server \S+:(\d+)\b/.exec(checkLine.what) ?? []
  if (checkLine.level === 'ok' || Number(port) !== RETURN_PORT || !runs()) return undefined
  const value = `${checkLine.value}; Exim runs, and does not listen there (local_interfaces)`
  return { ...checkLine, value, remedy: runScript }
}

/**
 * Resolves to check lines about where this host's Exim passes mail on the host, and whether it waits there for a
 * scan. They come from Exim itself, which shows its routers and transports to any user. Nothing is sent.
 */
export async function checkExim(host: EximHost): Promise<CheckLine[]> {
  const { exim, listens = isListening } = host
  const { print, sources } = exim
  try {
    const routers = parseRouters(await print('routers'))
    const shown = (what: PrintedByExim) => print(what).catch(() => '')
    const options = await shown('options')
    const scanner = optionIn(options, 'av_scanner')
    const address = scannerOf(scanner, host.endpoints)
    const silent = address === undefined ? silentPort(scanner, listens) : undefined
    const isOurs = address !== undefined || silent !== undefined
    const config = isOurs ? await shown('config') : ''
    const rule = findMalwareRule(optionIn(options, 'acl_smtp_data'), config)
    const ofPrograms = findMalwareRule(optionIn(options, 'acl_not_smtp'), config)
    const asked = address === undefined ? judgeSilence(silent, rule) : judgeScanner(address, rule)
    const rules = [rule, ofPrograms?.acl === rule?.acl ? undefined : ofPrograms]
    const all = [
      ...judgeRouters(routers, host.endpoints, listens, asked),
      ...rules.flatMap((found) => (found === undefined ? [] : judgeRule(found))),
      ...judgeTransports(routers, await print('transports'), host),
      ...judgeQueueing(options, exim.program),
    ]
    if (!all.some((checkLine) => hasMark(checkLine, 'mail may be unscanned'))) return all
    const ignored = ignoredFiles((await sources()) ?? NO_SOURCES)
    if (ignored === undefined) return all
    const value = `lines for onescan in ${ignored.paths.join(' and ')} are not read: ${ignored.reason}`
    const isKnown = (checkLine: CheckLine) => !hasMark(checkLine, 'mail may be unscanned')
    return [...all.filter(isKnown), failure('Exim', value, ignored.remedy)]
  } catch {
    const value =
      'does not list its routers (exim4 -bP routers), so it is unknown whether mail is scanned'
    return [following(warning('Exim', value, SHOWN_BY_MAIL), 'stops the mail server')]
  }
}

const NO_SOURCES: EximSources = { generated: '', complaint: '', files: new Map() }

/** Parses what `exim -bP routers` prints: a line with the name of each, then its options. */
function parseRouters(printed: string): LocalRouter[] {
  return printed.split(/^(?=\S+ router:$)/m).flatMap((text) => {
    const [, name] = /^(\S+) router:$/m.exec(text) ?? []
    const [, transport = ''] = /^transport = (.*)$/m.exec(text) ?? []
    const lists = [...text.matchAll(/^route_(?:list|data) = (.*)$/gm)].map(([, list]) => list)
    const servers = [...lists.join(' ').matchAll(/\b([\w.-]+)::(\d+)\b/g)]
    return name === undefined
      ? []
      : servers.flatMap(([, host = '', port]) =>
          isLoopbackHost(host) ? [{ name, transport, port: Number(port) }] : [],
        )
  })
}

/** Returns the address of onescand that Exim uses as clamd, by its option av_scanner. */
function scannerOf(scanner: string, { clamd }: OnescandEndpoints): string | undefined {
  const [, options = ''] = /^clamd:(.*)$/.exec(scanner) ?? []
  const place = options.startsWith('/') ? `unix:${options}` : `inet:${options.replace(' ', ':')}`
  return matchAddress(place.replace(/[ :]+$/, ''), clamd, undefined)
}

/** Returns the port of this host that Exim expects a clamd at, by its option av_scanner, if nothing listens there. */
function silentPort(scanner: string, listens: (port: number) => boolean): number | undefined {
  const [, host = '', text] = /^clamd:(\S+) (\d+)/.exec(scanner) ?? []
  const port = Number(text)
  return isLoopbackHost(host) && !listens(port) ? port : undefined
}

/** The port of the package for clients of clamd, and its unit. */
const CLAMD_PORT = 3311
const CLAMD_UNIT = 'onescan-clamd.socket'

/** Returns the check line about an Exim with this rule, whose scanner does not listen. */
function judgeSilence(
  port: number | undefined,
  rule: MalwareRule | undefined,
): CheckLine | undefined {
  if (port === undefined || rule === undefined) return undefined
  const effect = rule.acceptsUnscanned ? 'accepts mail unscanned' : 'defers mail'
  const value = `is clamd at port ${port} of 127.0.0.1, where nothing listens: Exim ${effect} in ${rule.acl}`
  const unit = port === CLAMD_PORT ? askSystemd(CLAMD_UNIT) : undefined
  const remedy =
    unit === undefined
      ? `start the scanner that should listen there, or set av_scanner = clamd:127.0.0.1 ${CLAMD_PORT} as doc/exim.md shows`
      : listenRemedy(CLAMD_UNIT, unit)
  return marked(failure('av_scanner of Exim', value, remedy), 'nothing listens')
}

/** Returns the check line about an Exim that has onescand as its scanner, and this rule that uses it. */
function judgeScanner(address: string, rule: MalwareRule | undefined): CheckLine {
  const what = 'av_scanner of Exim'
  if (rule !== undefined) return ok(what, `is onescand as clamd at ${address}, used in ${rule.acl}`)
  const value = `is onescand at ${address}, but no "malware" was seen in the ACL for DATA (exim4 -bP config), so it is unknown whether mail is scanned`
  const remedy = `put "deny malware = *" at the top of that ACL, then run ${restartExim()}`
  return marked(warning(what, value, remedy), 'mail may be unscanned')
}

/** Returns check lines about mail that passes the rule unscanned. */
function judgeRule(rule: MalwareRule): CheckLine[] {
  const { acl, refuses, acceptsUnscanned, off, conditions, passes } = rule
  const what = `ACL ${acl} of Exim`
  if (off !== undefined) {
    const value = `"${off}" switches the statement with "malware" off: no mail is scanned there`
    const remedy = `write "deny malware = *" in its place, then run ${restartExim()}`
    return [failure(what, value, remedy)]
  }
  const checkLines = passes.map(({ text, isAll }) => {
    const value = `"${text}" is above the condition "malware": ${isAll ? 'no' : 'such'} mail is ${isAll ? '' : 'not '}scanned`
    const remedy = `move the statement with "malware" above it, then run ${restartExim()}`
    return (isAll ? failure : warning)(what, value, remedy)
  })
  if (conditions !== '') {
    const value = `"${conditions}" is beside "malware": other mail is not scanned`
    checkLines.push(warning(what, value, `remove it there, then run ${restartExim()}`))
  }
  if (!refuses || !acceptsUnscanned) return checkLines
  const value = `"malware" has /defer_ok: while onescand is down or cannot scan, Exim accepts mail unscanned`
  return [...checkLines, failure(what, value, `remove /defer_ok there, then run ${restartExim()}`)]
}

/** Options with which Exim accepts mail and does not deliver it at once, and what happens to that. */
const QUEUEING = {
  queue_only: 'until the next queue run',
  queue_domains: 'for these domains until the next queue run',
  queue_smtp_domains: 'for these domains until the next queue run',
  hold_domains: 'for these domains until this is removed',
} as const

/** Returns warnings about options with which accepted mail stays in the queue. */
function judgeQueueing(options: string, program: string): CheckLine[] {
  return Object.entries(QUEUEING).flatMap(([name, time]) => {
    const isOn = options.split('\n').includes(name)
    const list = optionIn(options, name)
    if (!isOn && list === '') return []
    const value = `${isOn ? 'is set' : list}: Exim keeps mail in its queue ${time}`
    const remedy = `if you do not want that, remove ${name} from its configuration, then run ${restartExim()} && ${program} -qf`
    return [warning(`${name} of Exim`, value, remedy)]
  })
}

/**
 * `asked` is the check line about Exim as a client of clamd. With it no router needs to pass mail to onescand.
 */
function judgeRouters(
  routers: readonly LocalRouter[],
  { smtp }: OnescandEndpoints,
  listens: (port: number) => boolean,
  asked?: CheckLine,
): CheckLine[] {
  const isOurs = (router: LocalRouter) => isOnescands(router, smtp)
  const checkLines = routers.flatMap((router): CheckLine[] => {
    const { name, port } = router
    const what = `router ${name} of Exim`
    if (listens(port))
      return isOurs(router)
        ? [marked(ok(what, `passes mail to onescand at port ${port}`), 'onescand acts on mail')]
        : []
    const value = `sends mail to port ${port} of 127.0.0.1, where nothing listens: Exim defers it`
    const remedy = servingRemedy(router, isOurs(router), smtp)
    return [marked(failure(what, value, remedy), 'nothing listens')]
  })
  if (asked !== undefined) checkLines.push(asked)
  if (routers.some(isOurs) || asked !== undefined) return checkLines
  const waits = smtp.map(({ address }) => address).join(', ')
  const effect =
    waits === '' ? ', so it is unknown whether mail is scanned' : `, which waits for it at ${waits}`
  const value = `no router of Exim passes mail to onescand over SMTP${effect}`
  const add = existsSync(SCRIPT) ? runScript : 'add the routers as doc/exim.md shows'
  const none = warning('Exim', value, waits === '' ? SHOWN_BY_MAIL : add)
  return [...checkLines, marked(none, 'mail may be unscanned')]
}

const isOnescands = ({ port }: LocalRouter, smtp: readonly NamedDoor[]) =>
  matchAddress(`inet:127.0.0.1:${port}`, smtp, undefined) !== undefined

/**
 * Returns check lines about transports to onescand that time out before a scan may end, by the output of `exim -bP
 * transports`. Exim sends such mail again, although onescand may have passed it on each time. Also reports
 * transports with a limit for lines, which makes Exim return mail that it has accepted.
 */
function judgeTransports(
  routers: readonly LocalRouter[],
  printed: string,
  { endpoints, scanSeconds }: EximHost,
): CheckLine[] {
  const ours = routers.filter((router) => isOnescands(router, endpoints.smtp))
  const transports = new Set(ours.map(({ transport }) => transport))
  return printed.split(/^(?=\S+ transport:$)/m).flatMap((text): CheckLine[] => {
    const [, name = ''] = /^(\S+) transport:$/m.exec(text) ?? []
    if (!transports.has(name)) return []
    const checkLines: CheckLine[] = []
    const change = (option: string) =>
      `set ${option} in the transport ${name}, then run ${restartExim()}`
    const [, time = ''] = /^final_timeout = (.*)$/m.exec(text) ?? []
    if ((parseDuration(time) ?? Number.POSITIVE_INFINITY) <= scanSeconds) {
      const value = `final_timeout = ${time}: Exim times out before onescand does (SCANTIMEOUT=${scanSeconds})`
      const remedy = change(`final_timeout = ${proxyTimeout(scanSeconds)}s`)
      checkLines.push(warning(`transport ${name} of Exim`, value, remedy))
    }
    const [, limit] = /^message_linelength_limit = (\d+)$/m.exec(text) ?? []
    if (limit !== undefined && Number(limit) < LINE_MAX) {
      const value = `message_linelength_limit = ${limit}: Exim returns accepted mail with a longer line`
      const remedy = change('message_linelength_limit = 1G')
      checkLines.push(failure(`transport ${name} of Exim`, value, remedy))
    }
    return checkLines
  })
}

/** Bytes of the longest line that Exim has to pass on: more than any message has, and what the remedy sets. */
const LINE_MAX = 1024 ** 3

function servingRemedy(
  { name, port }: LocalRouter,
  isOurs: boolean,
  smtp: readonly NamedDoor[],
): string {
  if (isOurs) return howToStart('onescand', 'restart')
  if (!/onescan/.test(name)) return `start the server that should listen at port ${port}`
  if (smtp.length > 0)
    return `set a port of onescand's --smtp (${smtp.map(({ address }) => address).join(', ')}) in the router ${name}, then run ${restartExim()}`
  const change = `add --smtp inet:127.0.0.1:${port} to ONESCAND_OPTIONS, with --next as doc/exim.md shows,`
  return inSettingsOf({ isDaemon: true }, change)
}
