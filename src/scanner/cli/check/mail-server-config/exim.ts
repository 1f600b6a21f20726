import { existsSync } from 'node:fs'
import { type CheckLine, failure, marked, ok, warning } from '../../../../base/check/check-line.ts'
import { isLoopbackHost } from '../../../../base/net/server-address.ts'
import { parseDuration } from '../../../../base/text/units.ts'
import type { NamedDoor } from '../../../options/door-address.ts'
import { inSettingsOf } from '../../../readiness/host/checked-host.ts'
import { isListening } from '../../host/open-ports.ts'
import { askSystemd } from '../../host/systemd-unit.ts'
import { listenRemedy } from '../services/lost-sockets.ts'
import { howToStart } from '../services/service-state.ts'
import { askProgram } from './ask-program.ts'
import { findMalwareRule, type MalwareRule } from './exim-acl.ts'
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

type PrintedByExim = 'routers' | 'transports' | 'av_scanner' | 'acl_smtp_data' | 'config'

/** The data for checking routers: their host. */
interface EximHost {
  readonly endpoints: OnescandEndpoints
  /** SCANTIMEOUT of onescand, in seconds. */
  readonly scanSeconds: number
  /** Resolves to the output of `exim -bP`. */
  readonly print?: (what: PrintedByExim) => Promise<string>
  /** Returns whether something listens on this port of the host. */
  readonly listens?: (port: number) => boolean
}

/**
 * Resolves to check lines about where this host's Exim passes mail on the host, and whether it waits there for a
 * scan. They come from Exim itself, which shows its routers and transports to any user. Nothing is sent.
 */
export async function checkExim(host: EximHost): Promise<CheckLine[]> {
  const program = EXIMS.find((path) => existsSync(path)) ?? EXIMS[0]
  const { print = (what) => askProgram([program, '-bP', what]), listens = isListening } = host
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
    return [...checkLines, ...ofRule, ...judgeTransports(routers, await print('transports'), host)]
  } catch {
    const value =
      'does not list its routers (exim4 -bP routers), so it is unknown whether mail is scanned'
    return [warning('Exim', value, SHOWN_BY_MAIL)]
  }
}

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
  return warning(
    what,
    value,
    `put "deny malware = *" at the top of that ACL, then run ${restart()}`,
  )
}

/** Returns check lines about mail that passes the rule unscanned. */
function judgeRule({ acl, refuses, acceptsUnscanned, passes }: MalwareRule): CheckLine[] {
  const what = `ACL ${acl} of Exim`
  const checkLines = passes.map(({ text, isAll }) => {
    const value = `"${text}" stands above the condition "malware": ${isAll ? 'no' : 'such'} mail is ${isAll ? '' : 'not '}scanned`
    const remedy = `move the statement with "malware" above it, then run ${restart()}`
    return (isAll ? failure : warning)(what, value, remedy)
  })
  if (!refuses || !acceptsUnscanned) return checkLines
  const value = `"malware" has /defer_ok: while onescand is down or cannot scan, Exim accepts mail unscanned`
  return [...checkLines, failure(what, value, `remove /defer_ok there, then run ${restart()}`)]
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
  const value =
    'no router of Exim passes mail to onescand over SMTP, so it is unknown whether mail is scanned'
  return [...checkLines, warning('Exim', value, SHOWN_BY_MAIL)]
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
      `set ${option} in the transport ${name}, then run ${restart()}`
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
    return `set a port of onescand's --smtp (${smtp.map(({ address }) => address).join(', ')}) in the router ${name}, then run ${restart()}`
  const change = `add --smtp inet:127.0.0.1:${port} to ONESCAND_OPTIONS, with --next as doc/exim.md shows,`
  return inSettingsOf({ isDaemon: true }, change)
}

/** Returns the command with which this host's Exim uses a changed configuration. */
const restart = () =>
  existsSync(EXIMS[0]) ? 'update-exim4.conf && systemctl restart exim4' : 'systemctl restart exim'
