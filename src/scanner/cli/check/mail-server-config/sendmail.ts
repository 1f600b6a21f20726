import { type CheckLine, failure, marked, ok, warning } from '../../../../base/check/check-line.ts'
import { attempt } from '../../../../base/errors/fault.ts'
import { pathIn } from '../../../../base/net/server-address.ts'
import { shellWord } from '../../../../base/text/shell-word.ts'
import { formatDuration, parseDuration } from '../../../../base/text/units.ts'
import { isListening, listenerAt } from '../../host/open-ports.ts'
import type { LostSocket } from '../services/lost-sockets.ts'
import { howToStart } from '../services/service-state.ts'
import { matchAddress, type OnescandEndpoints } from './onescand-endpoints.ts'
import { BUILD, openDirectoryAbove, readCf, SENDMAIL_CF } from './sendmail-files.ts'
import { mayExist, portHere, SHOWN_BY_MAIL } from './unreachable-milter.ts'

const REBUILD = `then run ${BUILD}`
/** The lines for sendmail.mc, in the package. */
const EXAMPLE = '/usr/share/onescan/examples/sendmail/sendmail.mc'

/** A mail filter of Sendmail: `Xonescan, S=local:/run/onescan/milter.sock, F=T, T=S:30s;R:30s;E:5m`. */
interface Filter {
  readonly name: string
  readonly address: string
  /** The action of Sendmail while the filter cannot be reached: T, R, 4, or none, which accepts mail. */
  readonly fails: string
  /** Returns the seconds of a time limit. */
  readonly secondsOf: (letter: keyof typeof LIMIT_SECONDS) => number
}

/** Sendmail's own limits for filters, in seconds: to connect, to send, for a reply, and for that at the end of a message. */
const LIMIT_SECONDS = { C: 300, S: 10, R: 10, E: 300 } as const
/** The limits before the end of a message. A busy onescand may need as long as Sendmail waits by default to send and for a reply. */
const STEPS = ['C', 'S', 'R'] as const
const STEP_SECONDS = 10

/** A part of Sendmail that accepts mail, DaemonPortOptions, with the names of its mail filters. */
interface SendmailDaemon {
  readonly name: string
  readonly filters: readonly string[]
  /** Whether the daemon has a list of its own (InputMailFilters=), which replaces that of all. */
  readonly hasOwn: boolean
}

/** The data for the rules about Sendmail. */
interface SendmailHost {
  readonly endpoints: OnescandEndpoints
  /** Returns whether something listens on this port of the host. */
  readonly listens?: (port: number) => boolean
  /** The sockets of the package at which onescand cannot be reached, by path. */
  readonly lost: ReadonlyMap<string, LostSocket>
  /** SCANTIMEOUT of onescand, in seconds. */
  readonly scanSeconds: number
}

/**
 * Reports by rule how Sendmail's own configuration names onescand's filter. Nothing is sent. Throws if the file
 * cannot be read.
 */
export function checkSendmail(host: SendmailHost, path: string = SENDMAIL_CF): CheckLine[] {
  const configuration = readCf(path)
  const filters = parseFilters(configuration)
  const daemons = parseDaemons(configuration)
  const isOurs = ({ name, address }: Filter) =>
    /onescan/.test(name + address) || isOf(host, address)
  const ours = filters.filter(isOurs)
  const used = new Set(daemons.flatMap((daemon) => daemon.filters))
  const others = filters.filter((filter) => !isOurs(filter) && used.has(filter.name))
  const dead = others.flatMap((filter) => checkOther(filter, host))
  if (ours.length === 0) {
    const value = `no filter of ${path} uses onescand, so it is unknown whether mail is scanned`
    return [warning('Sendmail', value, others.length > 0 ? ADD_FILTER : howToAdd(path)), ...dead]
  }
  return [...ours.flatMap((filter) => checkFilter(filter, daemons, host)), ...dead]
}

const ADD_FILTER = `${SHOWN_BY_MAIL}; add the filter as in doc/other-servers.md`

/** Returns the command with which a Sendmail without any filter gets that of onescan, which its sendmail.mc may have already. */
function howToAdd(path: string): string {
  const source = path.replace(/\.cf$/, '.mc')
  const lines = attempt(() => readCf(source))
  if (lines === undefined) return ADD_FILTER
  return /^INPUT_MAIL_FILTER\(.*onescan/m.test(lines)
    ? BUILD
    : `cat ${EXAMPLE} >>${shellWord(source)} && ${BUILD}`
}

/** Returns the check line about a filter of another program that is down, so that Sendmail does not accept mail. */
function checkOther(
  { name, address, fails }: Filter,
  { listens = isListening }: SendmailHost,
): CheckLine[] {
  const [path, port] = [pathIn(address), portHere(address)]
  const isDown =
    path === undefined
      ? port !== undefined && !listens(port)
      : !mayExist(path) || listenerAt(path) === 'nobody'
  if (!isDown || !/^[T4R]$/.test(fails)) return []
  const value = `nothing listens at ${address}: ${meanwhileFor(fails)}`
  const remedy = `start the filter that should listen there, or remove it from sendmail.mc, ${REBUILD}`
  return [marked(failure(`filter ${name} of Sendmail`, value, remedy), 'nothing listens')]
}

/** What Sendmail does from a load average on: the option, its default for each processor (doc/op/op.me), and the effect. */
const LOAD_LIMITS = [
  { option: 'RefuseLA', macro: 'confREFUSE_LA', perProcessor: 12, effect: 'refuses connections' },
  {
    option: 'QueueLA',
    macro: 'confQUEUE_LA',
    perProcessor: 8,
    effect: 'queues mail and does not deliver it',
  },
] as const

/** Returns a warning if the machine is so busy that Sendmail accepts no mail, or delivers none. */
export function checkSendmailLoad(
  { load, processors }: { readonly load: number; readonly processors: number },
  path: string = SENDMAIL_CF,
): CheckLine[] {
  const configuration = attempt(() => readCf(path))
  if (configuration === undefined) return []
  for (const { option, macro, perProcessor, effect } of LOAD_LIMITS) {
    const [, set] = new RegExp(`^O +${option} *= *(\\d+)`, 'm').exec(configuration) ?? []
    const limit = set === undefined ? perProcessor * processors : Number(set)
    if (load < limit) continue
    const value = `${effect} while the load average is ${limit} or more (${option}), and it is ${load}`
    const remedy = `find what keeps this host busy, or raise ${macro} in sendmail.mc, ${REBUILD}`
    return [warning('Sendmail', value, remedy)]
  }
  return []
}

const isOf = ({ endpoints }: SendmailHost, address: string) =>
  matchAddress(address, endpoints.milters, undefined) !== undefined

function parseFilters(configuration: string): Filter[] {
  return [...configuration.matchAll(/^X *([^\s,]+) *,(.*)$/gm)].map(([, name = '', rest = '']) => {
    const value = (letter: string) =>
      new RegExp(`(?:^|,) *${letter} *= *([^,]*)`).exec(rest)?.[1]?.trim() ?? ''
    const limits = new Map(
      [...value('T').matchAll(/(?:^|;) *([CSRE]) *: *(\w+)/g)].map(([, letter, text = '']) => [
        letter,
        parseDuration(text),
      ]),
    )
    const secondsOf = (letter: keyof typeof LIMIT_SECONDS) =>
      limits.get(letter) ?? LIMIT_SECONDS[letter]
    return { name, address: value('S'), fails: value('F'), secondsOf }
  })
}

const namesIn = (list: string) => list.split(/[\s,;]+/).filter((name) => name !== '')

/**
 * Parses the daemons, and what they ask: a list of their own, or that of all. Sendmail knows the keys of a daemon by their
 * first letter, and separates the names of filters by semicolons (doc/op/op.me, DaemonPortOptions).
 */
function parseDaemons(configuration: string): SendmailDaemon[] {
  const ofAll = [...configuration.matchAll(/^O +InputMailFilters *= *(.*)$/gm)].flatMap(
    ([, list = '']) => namesIn(list),
  )
  const lines = [...configuration.matchAll(/^O +DaemonPortOptions *= *(.*)$/gm)]
  if (lines.length === 0) return [{ name: 'MTA', filters: ofAll, hasOwn: false }]
  return lines.map(([, keys = '']) => {
    const value = (letter: string) =>
      new RegExp(`(?:^|,) *${letter}[a-z]* *= *([^,]*)`, 'i').exec(keys)?.[1]?.trim()
    const own = value('I')
    return {
      name: value('N') ?? value('P') ?? keys,
      filters: own === undefined ? ofAll : namesIn(own),
      hasOwn: own !== undefined,
    }
  })
}

function checkFilter(
  filter: Filter,
  daemons: readonly SendmailDaemon[],
  host: SendmailHost,
): CheckLine[] {
  const what = `filter ${filter.name} of Sendmail`
  const without = daemons.filter(({ filters }) => !filters.includes(filter.name))
  if (without.length === daemons.length && !without.some(({ hasOwn }) => hasOwn)) {
    const value = 'is not in InputMailFilters: Sendmail does not use it, and mail is not scanned'
    const remedy = `define it with INPUT_MAIL_FILTER, or add it to confINPUT_MAIL_FILTERS in sendmail.mc, ${REBUILD}`
    return [failure(what, value, remedy)]
  }
  const down = meanwhileFor(filter.fails)
  const checkLines = without.map((daemon) => notAsked(daemon, filter))
  const uses = `uses ${filter.address}; while onescand is down, ${down}`
  const unreached = whyUnreached(what, filter, host)
  if (unreached !== undefined) checkLines.push(unreached)
  else if (without.length < daemons.length)
    checkLines.push(marked(ok(what, uses), 'onescand acts on mail'))
  if (!/^[T4]$/.test(filter.fails)) {
    const level = filter.fails === 'R' ? warning : failure
    checkLines.push(
      level(
        what,
        `F=${filter.fails}: while onescand is down, ${down}`,
        `set F=T for this filter in sendmail.mc, ${REBUILD}`,
      ),
    )
  }
  const tooShort = (letter: keyof typeof LIMIT_SECONDS, need: string) => {
    const value = `waits for ${formatDuration(filter.secondsOf(letter) * 1000)} (${letter}), and ${need}`
    const set = letter === 'E' ? 'E:5m' : `${letter}:30s`
    checkLines.push(warning(what, value, `set ${set} for this filter in sendmail.mc, ${REBUILD}`))
  }
  if (filter.secondsOf('E') <= host.scanSeconds)
    tooShort('E', `a scan may take ${formatDuration(host.scanSeconds * 1000)}`)
  for (const letter of STEPS)
    if (filter.secondsOf(letter) < STEP_SECONDS)
      tooShort(letter, `onescand may need ${formatDuration(STEP_SECONDS * 1000)} on a busy host`)
  return checkLines
}

/** Returns the check line about a daemon whose mail this filter does not get. */
function notAsked({ name, hasOwn }: SendmailDaemon, filter: Filter): CheckLine {
  const where = hasOwn ? 'InputMailFilters= of its own' : 'the list of all'
  const value = `does not use the filter ${filter.name}: it is not in ${where}, and its mail is not scanned`
  const remedy = hasOwn
    ? `remove InputMailFilters= from its DAEMON_OPTIONS in sendmail.mc, or add ${filter.name} there, ${REBUILD}`
    : `add ${filter.name} to confINPUT_MAIL_FILTERS in sendmail.mc, ${REBUILD}`
  return failure(`daemon ${name} of Sendmail`, value, remedy)
}

function meanwhileFor(fails: string): string {
  if (fails === 'R') return 'Sendmail refuses all mail permanently'
  return /^[T4]$/.test(fails) ? 'Sendmail defers all mail' : 'Sendmail accepts mail unscanned'
}

/**
 * Returns a check line why Sendmail, which connects as root, cannot reach onescand through its filter, or
 * undefined if no reason is visible.
 */
function whyUnreached(
  what: string,
  { address, fails }: Filter,
  host: SendmailHost,
): CheckLine | undefined {
  const { endpoints, lost } = host
  const meanwhile = meanwhileFor(fails)
  const path = pathIn(address)
  const fault = path === undefined ? undefined : lost.get(path)
  if (fault !== undefined) return failure(what, `${fault.reason}: ${meanwhile}`, fault.remedy)
  const open = path === undefined ? undefined : openDirectoryAbove(path)
  if (open !== undefined) {
    const value = `Sendmail regards ${path} as unsafe, since others than the owner may write to ${open}: ${meanwhile}`
    return failure(what, value, `chmod go-w ${shellWord(open)}`)
  }
  if (isOf(host, address)) return undefined
  const value = `uses ${address}, where onescand does not listen: ${meanwhile}`
  if (!endpoints.isRunning) return failure(what, value, howToStart('onescand'))
  const [own] = endpoints.milters
  const remedy =
    own === undefined
      ? 'systemctl enable onescan-milter.socket && systemctl restart onescand'
      : `set S=${inSendmail(own.address)} in sendmail.mc, ${REBUILD}`
  return failure(what, value, remedy)
}

/** An address of --milter as Sendmail has it: `local:PATH`, `inet:PORT@HOST`. */
const inSendmail = (address: string): string =>
  address.replace(/^unix:/, 'local:').replace(/^(inet6?):(.+):(\d+)$/, '$1:$3@$2')
