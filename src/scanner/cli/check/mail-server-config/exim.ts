import { existsSync } from 'node:fs'
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
import { askProgram } from './ask-program.ts'
import { findMalwareRule, type MalwareRule } from './exim-acl.ts'
import {
  type EximSources,
  ignoredFile,
  readEximSources,
  restartExim,
  startFault,
} from './exim-sources.ts'
import { matchAddress, type OnescandEndpoints, proxyTimeout } from './onescand-endpoints.ts'
import { SHOWN_BY_MAIL } from './unreachable-milter.ts'

/** The program of Debian, and of others. */
export const EXIMS = ['/usr/sbin/exim4', '/usr/sbin/exim'] as const

/** A router that passes mail to a port of this host. */
interface LocalRouter {
  readonly name: string
  readonly transport: string
  readonly port: number
}

type PrintedByExim =
  | 'routers'
  | 'transports'
  | 'av_scanner'
  | 'acl_smtp_data'
  | 'config'
  | 'exim_user'
  | 'log_file_path'
  | 'spool_directory'

type PrintExim = (what: PrintedByExim) => Promise<string>

/** The data for checking routers: their host. */
interface EximHost {
  readonly endpoints: OnescandEndpoints
  /** SCANTIMEOUT of onescand, in seconds. */
  readonly scanSeconds: number
  /** Resolves to the output of `exim -bP`. */
  readonly print?: PrintExim
  /** Resolves to what Exim would read after its next start. */
  readonly sources?: () => Promise<EximSources | undefined>
  /** Returns whether something listens on this port of the host. */
  readonly listens?: (port: number) => boolean
}

const programOfHost = () => EXIMS.find((path) => existsSync(path)) ?? EXIMS[0]
const printOfHost: PrintExim = (what) => askProgram([programOfHost(), '-bP', what])
const sourcesOfHost = () => readEximSources(programOfHost())

/** The script of the package that adds onescan to Debian's Exim. */
const SCRIPT = '/usr/share/onescan/examples/exim/exim-debian'
const runScript = `sh ${SCRIPT} && systemctl restart exim4`
/** The port at which Exim takes scanned mail back, by that script. */
const RETURN_PORT = 10026

/** Resolves to check lines about what keeps Exim from starting: its configuration, and directories that its account needs. */
export async function checkEximStart(
  print: PrintExim = printOfHost,
  sources: () => Promise<EximSources | undefined> = sourcesOfHost,
): Promise<CheckLine[]> {
  const cannot = (value: string, remedy: string) =>
    marked(failure('Exim', `cannot start: ${value}`, remedy), 'stops the mail server')
  const read = await sources()
  const fault = read && startFault(read)
  if (fault !== undefined) {
    const { place, reason } = fault
    const value = `its configuration has an error${place && ` in ${place}`}: "${reason.replaceAll('"', "'")}"`
    return [cannot(value, `correct ${place || 'it'}, then run ${restartExim()}`)]
  }
  const optionOf = async (what: PrintedByExim) =>
    / = (.*)$/m.exec(await print(what).catch(() => ''))?.[1] ?? ''
  const account = findAccount(readAccounts(), await optionOf('exim_user'), 'all')
  if (account === undefined) return []
  const spool = await optionOf('spool_directory')
  const logs = (await optionOf('log_file_path'))
    .split(':')
    .map((path) => path.trim())
    .filter((path) => path.startsWith('/'))
  for (const own of [spool, ...logs.map((path) => dirname(path))]) {
    const barrier = attempt(() => obstacle(account, own, 'write', 'search'))
    if (barrier === undefined) continue
    const value = `its account ${account.name} may not write to ${own}`
    return [cannot(value, `${opened(barrier, own, account)} && systemctl restart exim4`)]
  }
  return []
}

/** Returns the command that gives an account its own directory, or the way to it. */
const opened = (barrier: string, own: string, { name }: SystemAccount) =>
  barrier === own
    ? `chown ${name} ${shellWord(own)} && chmod u+rwx ${shellWord(own)}`
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
  const { print = printOfHost, listens = isListening, sources = sourcesOfHost } = host
  try {
    const routers = parseRouters(await print('routers'))
    const shown = (what: PrintedByExim) => print(what).catch(() => '')
    const scanner = await shown('av_scanner')
    const address = scannerOf(scanner, host.endpoints)
    const silent = address === undefined ? silentPort(scanner, listens) : undefined
    const isOurs = address !== undefined || silent !== undefined
    const rule = isOurs
      ? findMalwareRule(await shown('acl_smtp_data'), await shown('config'))
      : undefined
    const asked = address === undefined ? judgeSilence(silent, rule) : judgeScanner(address, rule)
    const checkLines = judgeRouters(routers, host.endpoints, listens, asked)
    const ofRule = rule === undefined ? [] : judgeRule(rule)
    const all = [
      ...checkLines,
      ...ofRule,
      ...judgeTransports(routers, await print('transports'), host),
    ]
    if (!all.some((checkLine) => hasMark(checkLine, 'mail may be unscanned'))) return all
    const ignored = ignoredFile((await sources()) ?? NO_SOURCES)
    if (ignored === undefined) return all
    const value = `${ignored.path} has lines for onescan, and is not read: ${ignored.reason}`
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

/** Returns the address of onescand that Exim uses as clamd, by the output of `exim -bP av_scanner`. */
function scannerOf(printed: string, { clamd }: OnescandEndpoints): string | undefined {
  const [, options = ''] = /^av_scanner = clamd:(.*)$/m.exec(printed.trim()) ?? []
  const place = options.startsWith('/') ? `unix:${options}` : `inet:${options.replace(' ', ':')}`
  return matchAddress(place.replace(/[ :]+$/, ''), clamd, undefined)
}

/** Returns the port of this host that Exim expects a clamd at, by the output of `exim -bP av_scanner`, if nothing listens there. */
function silentPort(printed: string, listens: (port: number) => boolean): number | undefined {
  const [, host = '', text] = /^av_scanner = clamd:(\S+) (\d+)/m.exec(printed) ?? []
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
function judgeRule({ acl, refuses, acceptsUnscanned, passes }: MalwareRule): CheckLine[] {
  const what = `ACL ${acl} of Exim`
  const checkLines = passes.map(({ text, isAll }) => {
    const value = `"${text}" is above the condition "malware": ${isAll ? 'no' : 'such'} mail is ${isAll ? '' : 'not '}scanned`
    const remedy = `move the statement with "malware" above it, then run ${restartExim()}`
    return (isAll ? failure : warning)(what, value, remedy)
  })
  if (!refuses || !acceptsUnscanned) return checkLines
  const value = `"malware" has /defer_ok: while onescand is down or cannot scan, Exim accepts mail unscanned`
  return [...checkLines, failure(what, value, `remove /defer_ok there, then run ${restartExim()}`)]
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
