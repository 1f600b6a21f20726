import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { errorText } from '../../fault.ts'
import { readRegularFile } from '../regular-file.ts'
import { type Accounts, findAccount, groupName, obstacle } from './account.ts'
import { askMilter, type FilterPlace } from './ask-milter.ts'
import { cleanMessage, eicarMessage } from './eicar-message.ts'
import { error, type Finding, ok, warning } from './finding.ts'

const POSTCONF = '/usr/sbin/postconf'
/** Where the Debian package keeps onescand's settings. */
const DEFAULTS = '/etc/default/onescand'
const run = promisify(execFile)
/** Milliseconds for a program or a service that has nothing to scan, and for a scan. */
const PATIENCE = 10_000
const SCAN_PATIENCE = 160_000
/** Seconds that a scan may take: SCANTIMEOUT's default. */
const SCANTIMEOUT = 150

/** What of Postfix is looked at. */
export interface PostfixHost {
  /** Directory of main.cf; '' is Postfix's own. */
  readonly directory: string
  readonly accounts: Accounts
  /** The settings of onescand; the test's own file, or the package's. */
  readonly defaults: string
}

export const postfixHere = (directory: string, accounts: Accounts): PostfixHost => {
  return { directory, accounts, defaults: DEFAULTS }
}

/** A filter in smtpd_milters, with what its own braces say. */
interface Milter {
  readonly text: string
  readonly options: Readonly<Record<string, string>>
}

const PARAMETERS = [
  'smtpd_milters',
  'non_smtpd_milters',
  'milter_default_action',
  'milter_content_timeout',
  'queue_directory',
  'mail_owner',
  'smtpd_client_restrictions',
  'smtpd_helo_restrictions',
  'smtpd_sender_restrictions',
  'smtpd_relay_restrictions',
  'smtpd_recipient_restrictions',
  'smtpd_data_restrictions',
  'smtpd_end_of_data_restrictions',
] as const
type Parameters = Readonly<Record<string, string>>

/**
 * The milters and policy services of this host's Postfix: does somebody listen there whom it
 * can reach, is it onescand, and does it find EICAR? By the milter's own protocol, so that
 * nothing is delivered.
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
  const ours: Milter[] = []
  for (const [index, milter] of milters.entries()) {
    const { isOurs, found } = await checkMilter(host, parameters, chrooted, milter)
    findings.push(...found)
    if (!isOurs) continue
    ours.push(milter)
    findings.push(...checkTerms(parameters, milter), ...checkOrder(milters, index))
  }
  const trouble = findings.some(({ level }) => level === 'error')
  if (ours.length === 0 && !trouble) findings.push(noneOfOurs(host))
  if (ours.length > 0) findings.push(checkLocalMail(parameters, ours))
  return [...findings, ...(await checkPolicies(parameters, chrooted))]
}

async function postconf({ directory }: PostfixHost, ...words: string[]): Promise<string> {
  const config = directory === '' ? [] : ['-c', directory]
  const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' }
  const { stdout } = await run(POSTCONF, [...config, ...words], { env, timeout: PATIENCE })
  return stdout
}

function readParameters(text: string): Parameters {
  const lines = text.replace(/\n[ \t]+/g, ' ').split('\n')
  const pairs = lines.flatMap((line) => {
    const [, name, value] = /^(\w+) ?= ?(.*)$/.exec(line) ?? []
    return name === undefined ? [] : [[name, value!.trim()] as const]
  })
  return Object.fromEntries(pairs)
}

/** The fifth column of smtpd's line in master.cf; master(5). */
function isChrooted(master: string): boolean {
  const line = master.split('\n').find((each) => /^\S+\s+(?:inet|pass)\s.*\ssmtpd\b/.test(each))
  return line?.split(/\s+/)[4] === 'y'
}

/** `inet:a:1, { unix:/b, default_action=accept }`; MILTER_README. */
export function splitMilters(text: string): Milter[] {
  return [...text.matchAll(/\{([^}]*)\}|([^\s,{}]+)/g)].map(([, braced, plain]) => {
    const [first = '', ...rest] = (braced ?? plain ?? '').trim().split(/[\s,]+/)
    const options = rest.map((word) => word.split('=') as [string, string])
    return { text: first, options: Object.fromEntries(options) }
  })
}

/** undefined for what is no place. A path is one below the queue directory in a chroot. */
function placeOf(text: string, chroot: string | undefined): FilterPlace | undefined {
  const [, path] = /^(?:unix|local):(.+)$/.exec(text) ?? []
  if (path !== undefined) {
    return {
      path: chroot !== undefined || !path.startsWith('/') ? join(chroot ?? '/', path) : path,
    }
  }
  const [, host, port] = /^inet:(?:\[?([^\]]*)\]?:)?(\d+)$/.exec(text) ?? []
  return port === undefined ? undefined : { host: host || '127.0.0.1', port: Number(port) }
}

async function checkMilter(
  host: PostfixHost,
  parameters: Parameters,
  chrooted: boolean,
  { text }: Milter,
): Promise<{ readonly isOurs: boolean; readonly found: Finding[] }> {
  const what = `milter ${text}`
  const queue = parameters.queue_directory ?? '/var/spool/postfix'
  const place = placeOf(text, chrooted ? queue : undefined)
  const not = (finding: Finding) => ({ isOurs: false, found: [finding] })
  if (place === undefined) return not(warning(what, 'is not understood', 'see MILTER_README'))
  const barrier =
    'path' in place ? checkReach(host, parameters, chrooted, text, place.path) : undefined
  if (barrier !== undefined) return not(barrier)
  try {
    const clean = await askMilter(place, cleanMessage, SCAN_PATIENCE)
    const isOurs =
      clean.added.some((field) => /^X-QHPSI:/i.test(field)) || /onescan|scan/i.test(clean.text)
    if (!isOurs) return not(ok(what, 'answers, and is not onescand, or does not scan'))
    const eicar = await askMilter(place, eicarMessage, SCAN_PATIENCE)
    return { isOurs, found: [judgeEicar(what, eicar)] }
  } catch (thrown) {
    const why = errorText(thrown)
    return not(
      error(
        what,
        `${why}: Postfix does with mail what milter_default_action says`,
        startIt(host, text),
      ),
    )
  }
}

function judgeEicar(
  what: string,
  { kind, text, added }: Awaited<ReturnType<typeof askMilter>>,
): Finding {
  const isTagged = added.some((field) => /^X-QHPSI: virus found$/i.test(field))
  if (kind === 'refused') return ok(what, `refuses EICAR: ${text || '550'}`)
  if (kind === 'discarded') return ok(what, 'drops EICAR')
  if (kind === 'passed' && isTagged) return ok(what, 'finds EICAR, and tags it')
  if (kind === 'deferred') {
    return error(what, `cannot tell: ${text || '451'}`, 'see the log of onescand')
  }
  return error(what, 'lets EICAR in as if it were clean', 'see QHPSI of onescand')
}

/** What to do where nobody listens: by the settings of the package, where they are here. */
function startIt({ defaults }: PostfixHost, text: string): string {
  try {
    const settings = readRegularFile(defaults)
    const line = /^ONESCAND_OPTIONS=.*$/m.exec(settings)?.[0] ?? ''
    if (!line.includes(text))
      return `put "--milter ${text}" into ONESCAND_OPTIONS of ${defaults}, and start onescand anew`
    return `start onescand: its ${defaults} names this place`
  } catch {
    return `start "onescand --milter ${text}"`
  }
}

function checkReach(
  host: PostfixHost,
  parameters: Parameters,
  chrooted: boolean,
  text: string,
  path: string,
): Finding | undefined {
  const what = `milter ${text}`
  if (!existsSync(path)) {
    const outside = text.replace(/^\w+:/, '')
    if (chrooted && existsSync(outside)) {
      const value = `is out of reach: smtpd runs in ${parameters.queue_directory}, where ${outside} is ${path}`
      return error(what, value, `start onescand with --milter unix:${path}, or use inet:`)
    }
    return error(what, `${path} is not there`, startIt(host, text))
  }
  const account = findAccount(host.accounts, parameters.mail_owner ?? 'postfix', 'all')
  const barrier = account && obstacle(account, path, 'write')
  if (account === undefined || barrier === undefined) return undefined
  const value = `${account.name} may not connect to ${path}`
  const groups = account.groups.map((gid) => groupName(host.accounts, gid)).join(', ')
  return error(
    what,
    value,
    `give ${account.name} (${groups}) the group of ${barrier}, by adduser, and restart Postfix`,
  )
}

/** What Postfix does while it waits, and where it waits in vain. */
function checkTerms(parameters: Parameters, { text, options }: Milter): Finding[] {
  const action = options.default_action ?? parameters.milter_default_action ?? 'tempfail'
  const findings = [judgeAction(text, action)]
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
  if (action === 'tempfail') return ok(what, `tempfail: mail waits while ${text} is down`)
  if (action === 'accept') {
    return error(what, `accept: mail gets in unscanned while ${text} is down`, 'set tempfail')
  }
  return warning(what, `${action}: so ends mail that comes while ${text} is down`, 'set tempfail')
}

function secondsOf(text: string): number {
  const [, number = '300', unit = 's'] = /^(\d+)([smhdw]?)$/.exec(text) ?? []
  return Number(number) * { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800, '': 1 }[unit as 's']
}

/** Told, for people wonder: what either of them puts on top is in nobody's signature or stamp. */
function checkOrder(milters: readonly Milter[], index: number): Finding[] {
  return milters.flatMap(({ text }, at) => {
    if (!/dkim/i.test(text)) return []
    const side = at < index ? 'before' : 'behind'
    const value = `${text} comes ${side} onescand: signatures and stamps hold in either order`
    return [ok('smtpd_milters', value)]
  })
}

function noneOfOurs({ defaults }: PostfixHost): Finding {
  const value = 'no milter of onescand is named: mail is not scanned'
  const remedy = 'postconf -e smtpd_milters=inet:127.0.0.1:8890'
  return error(
    'smtpd_milters',
    value,
    existsSync(defaults) ? `${remedy}, and see ${defaults}` : remedy,
  )
}

function checkLocalMail(parameters: Parameters, ours: readonly Milter[]): Finding {
  const what = 'non_smtpd_milters'
  const others = splitMilters(parameters.non_smtpd_milters ?? '')
  if (others.some(({ text }) => ours.some((own) => own.text === text))) {
    return ok(what, 'mail of local programs is scanned, too')
  }
  const value = 'mail of local programs, by sendmail(1), is not scanned'
  return warning(what, value, "postconf -e 'non_smtpd_milters=$smtpd_milters'")
}

/** Whoever is asked by check_policy_service: does he answer? */
async function checkPolicies(parameters: Parameters, chrooted: boolean): Promise<Finding[]> {
  const text = PARAMETERS.filter((name) => name.endsWith('_restrictions'))
    .map((name) => parameters[name] ?? '')
    .join(' ')
  const named = [...text.matchAll(/check_policy_service\s*[ ,]\s*\{?\s*((?:unix|inet):[^\s,}]+)/g)]
  const findings: Finding[] = []
  for (const service of new Set(named.map(([, one]) => one!))) {
    const what = `policy service ${service}`
    const queue = parameters.queue_directory ?? '/var/spool/postfix'
    const place = placeOf(service, chrooted || !/^unix:\//.test(service) ? queue : undefined)
    try {
      if (place === undefined) throw new Error('is not understood')
      findings.push(ok(what, `answers ${await askPolicy(place)}`))
    } catch (thrown) {
      const remedy = 'start it; until then Postfix defers, unless default_action says otherwise'
      findings.push(error(what, errorText(thrown), remedy))
    }
  }
  return findings
}

const QUESTION =
  'request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=ESMTP\n' +
  'sender=postmaster@localhost\nrecipient=postmaster@localhost\nclient_address=127.0.0.1\n\n'

/** SMTPD_POLICY_README: attributes, an empty line, and `action=…`. */
function askPolicy(place: FilterPlace): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    const socket = connect(place)
    socket.setTimeout(PATIENCE, () => socket.destroy(new Error('no answer in time')))
    socket.on('data', (bytes: Buffer) => {
      text += bytes.toString('latin1')
      const [, action] = /^action=(.*)\n/m.exec(text) ?? []
      if (action === undefined) return
      resolve(action)
      socket.destroy()
    })
    socket.on('error', reject)
    socket.on('close', () => reject(new Error('closes the connection: is it a policy service?')))
    socket.write(QUESTION)
  })
}
