import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { errorText } from '../../../ground/errors/fault.ts'
import { mustBeOwnAt } from '../../../ground/path/read.ts'
import { DEFAULTS } from '../../shared/defaults-file.ts'
import { type Accounts, findAccount, groupName, obstacle } from '../shared/account.ts'
import { error, type Finding, ok, warning } from '../shared/finding.ts'
import { checkListener, milterListens } from '../shared/listener.ts'
import { placeOf } from './filter-place.ts'
import { checkRelayParameters } from './handed-on.ts'
import { makesStamps, SCANTIMEOUT, startIt, tryMilter } from './milter.ts'
import { checkOldProcesses } from './old-processes.ts'
import { matchAddress, onescandAddresses } from './places-of-onescand.ts'
import { checkPolicies } from './policy-services.ts'

const POSTCONF = '/usr/sbin/postconf'
/** proc(5). */
const PROCESSES = '/proc'
const run = promisify(execFile)
/** Milliseconds that a program of Postfix may take. */
const PATIENCE = 10_000

/** Where the files of Postfix and onescand are. */
export interface PostfixHost {
  /** The directory of main.cf; '' is Postfix's default. */
  readonly directory: string
  readonly accounts: Accounts
  /** The file of onescand's settings: the package's, or a test's own. */
  readonly defaults: string
}

export const postfixHost = (directory: string, accounts: Accounts): PostfixHost => {
  return { directory, accounts, defaults: DEFAULTS }
}

/** A filter in smtpd_milters, with the options in its braces. */
export interface MilterEntry {
  readonly text: string
  /** As it is written, with braces. */
  readonly written: string
  readonly options: Readonly<Record<string, string>>
}

const PARAMETERS = [
  'smtpd_milters',
  'non_smtpd_milters',
  'milter_default_action',
  'milter_content_timeout',
  'queue_directory',
  'mail_owner',
  'smtp_line_length_limit',
  'smtpd_client_restrictions',
  'smtpd_helo_restrictions',
  'smtpd_sender_restrictions',
  'smtpd_relay_restrictions',
  'smtpd_recipient_restrictions',
  'smtpd_data_restrictions',
  'smtpd_end_of_data_restrictions',
] as const
export type Parameters = Readonly<Record<string, string>>

/**
 * Checks the milters and policy services of this host's Postfix: can it reach them, is onescand
 * among them, and does that find EICAR? It speaks the milter's own protocol, so nothing is
 * delivered.
 */
export async function checkPostfix(host: PostfixHost): Promise<Finding[]> {
  let parameters: Parameters
  let chrooted: boolean
  try {
    parameters = readParameters(await postconf(host, '-x', ...PARAMETERS))
    chrooted = isChrooted(await postconf(host, '-M'))
  } catch (thrown) {
    const why = errorText(thrown).split('\n')[0]!
    return [error('Postfix', `cannot be asked: ${why}`, `see that ${POSTCONF} works`)]
  }
  const milters = splitMilters(parameters.smtpd_milters ?? '')
  const findings: Finding[] = []
  const ours: MilterEntry[] = []
  for (const [index, milter] of milters.entries()) {
    const { isOurs, found } = await checkMilter(host, parameters, chrooted, milter)
    findings.push(found)
    if (!isOurs) continue
    ours.push(milter)
    findings.push(...checkTerms(parameters, milter), ...checkOrder(milters, index))
  }
  const trouble = findings.some(({ level }) => level === 'error')
  if (ours.length === 0 && !trouble) {
    const handedOn = await checkRelayParameters(
      (...words) => postconf(host, ...words),
      host.defaults,
    )
    findings.push(...(handedOn.length > 0 ? handedOn : [noneOfOurs(host)]))
  }
  if (ours.length > 0) findings.push(checkLocalMail(parameters, ours))
  if (ours.length > 0) findings.push(...checkLongLines(parameters, host))
  const restrictions = PARAMETERS.filter((name) => name.endsWith('_restrictions'))
    .map((name) => parameters[name] ?? '')
    .join(' ')
  const file = join(host.directory || '/etc/postfix', 'main.cf')
  return [
    ...findings,
    ...checkOldProcesses(PROCESSES, file, queueOf(parameters)),
    ...(await checkPolicies(restrictions, queueOf(parameters), chrooted, host)),
  ]
}

/**
 * What postconf(1) prints with these words. Throws if it cannot be run, or if root must not obey
 * its files.
 */
export async function postconf(
  { directory }: Pick<PostfixHost, 'directory'>,
  ...words: string[]
): Promise<string> {
  const config = directory === '' ? [] : ['-c', directory]
  for (const name of ['main.cf', 'master.cf']) mustBeOwnAt(join(directory || '/etc/postfix', name))
  const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' }
  const { stdout } = await run(POSTCONF, [...config, ...words], { env, timeout: PATIENCE })
  return stdout
}

/**
 * What happens to mail while this milter cannot be asked: tempfail, accept, reject or quarantine.
 */
export function milterAction(parameters: Parameters, { options }: MilterEntry): string {
  return options.default_action ?? parameters.milter_default_action ?? 'tempfail'
}

/** Reads lines `name = value`. */
export function readParameters(text: string): Parameters {
  const lines = text.replace(/\n[ \t]+/g, ' ').split('\n')
  const pairs = lines.flatMap((line) => {
    const [, name, value] = /^(\w+) ?= ?(.*)$/.exec(line) ?? []
    return name === undefined ? [] : [[name, value!.trim()] as const]
  })
  return Object.fromEntries(pairs)
}

/** Whether smtpd runs in a chroot: the fifth column of its line in master.cf, master(5). */
function isChrooted(master: string): boolean {
  const line = master.split('\n').find((row) => /^\S+\s+(?:inet|pass)\s.*\ssmtpd\b/.test(row))
  return line?.split(/\s+/)[4] === 'y'
}

/** Splits `inet:a:1, { unix:/b, default_action=accept }`; MILTER_README. */
export function splitMilters(text: string): MilterEntry[] {
  return [...text.matchAll(/\{([^}]*)\}|([^\s,{}]+)/g)].map(([written, braced, plain]) => {
    const [first = '', ...rest] = (braced ?? plain ?? '').trim().split(/[\s,]+/)
    const options = rest.map((word) => word.split('=') as [string, string])
    return { text: first, written, options: Object.fromEntries(options) }
  })
}

async function checkMilter(
  host: PostfixHost,
  parameters: Parameters,
  chrooted: boolean,
  milter: MilterEntry,
): Promise<{ readonly isOurs: boolean; readonly found: Finding }> {
  const { text } = milter
  const what = `milter ${text}`
  // Postfix's programs run in the queue directory
  const isRelative = !/^(?:unix|local):\//.test(text)
  const place = placeOf(text, chrooted || isRelative ? queueOf(parameters) : undefined)
  const not = (found: Finding) => ({ isOurs: false, found })
  if (place === undefined) return not(warning(what, 'is not understood', 'see MILTER_README'))
  const barrier =
    'path' in place ? checkReach(host, parameters, chrooted, milter, place.path) : undefined
  if (barrier !== undefined) return not(barrier)
  const meanwhile = whileDown(milterAction(parameters, milter))
  const address = 'path' in place ? `unix:${place.path}` : text
  const { defaults } = host
  const known = onescandAddresses({ defaults, processes: PROCESSES }).milters
  const isKnown = matchAddress(text, known, queueOf(parameters)) !== undefined
  const tried = await tryMilter(place, { what, address, meanwhile, defaults, isKnown })
  if (!tried.isOurs) return tried
  const [trouble] = checkListener(what, place, host.accounts, milterListens)
  return { isOurs: true, found: trouble ?? tried.found }
}

/** What Postfix does with mail while nobody answers: milter_default_action. */
function whileDown(action: string): string {
  switch (action) {
    case 'accept':
      return 'Postfix accepts mail unscanned, viruses get in (milter_default_action = accept)'
    case 'reject':
      return 'Postfix refuses all mail for good (milter_default_action = reject)'
    case 'quarantine':
      return 'Postfix puts all mail on hold (milter_default_action = quarantine)'
    default:
      return `Postfix defers all mail (milter_default_action = ${action})`
  }
}

export const queueOf = (parameters: Parameters) =>
  parameters.queue_directory ?? '/var/spool/postfix'

function checkReach(
  host: PostfixHost,
  parameters: Parameters,
  chrooted: boolean,
  milter: MilterEntry,
  path: string,
): Finding | undefined {
  const { text } = milter
  const what = `milter ${text}`
  const meanwhile = whileDown(milterAction(parameters, milter))
  if (!existsSync(path)) {
    const outside = text.replace(/^\w+:/, '')
    if (chrooted && existsSync(outside)) {
      const value = `is out of reach: smtpd runs in ${parameters.queue_directory}, where ${outside} is ${path}`
      return error(
        what,
        `${value}: ${meanwhile}`,
        `start onescand with --milter unix:${path}, or use inet:`,
      )
    }
    return error(
      what,
      `${path} does not exist: ${meanwhile}`,
      startIt({ address: `unix:${path}`, defaults: host.defaults }),
    )
  }
  const account = findAccount(host.accounts, parameters.mail_owner ?? 'postfix', 'all')
  const barrier = account && obstacle(account, path, 'write')
  if (account === undefined || barrier === undefined) return undefined
  const value = `${account.name} may not connect to ${path}: ${meanwhile}`
  const groups = account.groups.map((gid) => groupName(host.accounts, gid)).join(', ')
  return error(
    what,
    value,
    `give ${account.name} (${groups}) the group of ${barrier}, by adduser, and restart Postfix`,
  )
}

/** Checks what Postfix does while it waits for this milter, and whether it waits long enough. */
function checkTerms(parameters: Parameters, milter: MilterEntry): Finding[] {
  const { text, options } = milter
  const findings = [judgeAction(text, milterAction(parameters, milter))]
  const timeout = options.content_timeout ?? parameters.milter_content_timeout ?? '300s'
  const seconds = secondsOf(timeout)
  if (seconds <= SCANTIMEOUT) {
    const value = `${timeout}: Postfix gives up before a scan does (SCANTIMEOUT, ${SCANTIMEOUT} s)`
    findings.push(warning('milter_content_timeout', value, 'set 300s'))
  }
  return findings
}

function judgeAction(text: string, action: string): Finding {
  const what = 'milter_default_action'
  if (action === 'tempfail') return ok(what, `tempfail: mail is deferred while ${text} is down`)
  if (action === 'accept') {
    return error(what, `accept: mail gets in unscanned while ${text} is down`, 'set tempfail')
  }
  return warning(
    what,
    `${action}: Postfix does this with mail while ${text} is down`,
    'set tempfail',
  )
}

function secondsOf(text: string): number {
  const [, number = '300', unit = 's'] = /^(\d+)([smhdw]?)$/.exec(text) ?? []
  return Number(number) * { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800, '': 1 }[unit as 's']
}

/**
 * Says that a DKIM milter may come before or behind onescan, since people wonder about it: what
 * either of them adds on top is in no signature or stamp of the other.
 */
function checkOrder(milters: readonly MilterEntry[], index: number): Finding[] {
  return milters.flatMap(({ text }, at) => {
    if (!/dkim/i.test(text)) return []
    const side = at < index ? 'before' : 'behind'
    const value = `${text} comes ${side} onescand: signatures and stamps hold in either order`
    return [ok('smtpd_milters', value)]
  })
}

function noneOfOurs({ defaults }: PostfixHost): Finding {
  const value = 'no milter of onescand is named: mail is not scanned'
  const remedy = 'postconf -e smtpd_milters=unix:onescan/milter.sock && postfix reload'
  return error(
    'smtpd_milters',
    value,
    existsSync(defaults) ? `${remedy}, and see ${defaults}` : remedy,
  )
}

function checkLocalMail(parameters: Parameters, ours: readonly MilterEntry[]): Finding {
  const what = 'non_smtpd_milters'
  const others = splitMilters(parameters.non_smtpd_milters ?? '')
  if (others.some(({ text }) => ours.some((own) => own.text === text))) {
    return ok(what, 'mail of local programs is scanned, too')
  }
  const value = 'mail of local programs, by sendmail(1), is not scanned'
  return warning(what, value, "postconf -e 'non_smtpd_milters=$smtpd_milters' && postfix reload")
}

/** smtp(8) folds long lines of mail that was already stamped; smtp_line_length_limit. */
function checkLongLines(parameters: Parameters, { defaults }: PostfixHost): Finding[] {
  const limit = parameters.smtp_line_length_limit ?? '998'
  if (limit === '0' || !makesStamps(defaults)) return []
  const value = `${limit}: Postfix folds longer lines when it sends mail, which breaks its stamp`
  const remedy = 'postconf -e smtp_line_length_limit=0, or have the next host scan it again'
  return [warning('smtp_line_length_limit', value, remedy)]
}
