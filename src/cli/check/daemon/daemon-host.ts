import { errorText } from '../../../ground/errors/fault.ts'
import { readOwnText } from '../../../ground/path/read.ts'
import { readControlDirectories } from '../../../judge/policy.ts'
import { DEFAULTS, hasDefaults, readDefaults } from '../../shared/defaults-file.ts'
import { ACCOUNT, type RunningDaemon, runningDaemons } from '../../shared/running-daemons.ts'
import { placeOf } from '../mail-servers/filter-place.ts'
import type { MailServer } from '../mail-servers/find.ts'
import { addressesIn, matchAddress, optionValues } from '../mail-servers/places-of-onescand.ts'
import { postconf, readParameters, splitMilters } from '../mail-servers/postfix.ts'
import { SENDMAIL_CF } from '../mail-servers/sendmail.ts'
import { filtersIn } from '../mail-servers/sendmail-cf.ts'
import { type Accounts, findAccount, ownAccount, userName } from '../shared/account.ts'
import { error, type Finding, warning } from '../shared/finding.ts'
import type { Host } from '../shared/host.ts'
import { listenersAt } from '../shared/listener.ts'
import { noLimits } from '../shared/run-script.ts'

/** onescand as it is set on this host, and what is wrong with its file of settings. */
export interface ConfiguredDaemon {
  readonly host: Host
  readonly found: readonly Finding[]
}

/** The PATH of a service: systemd.exec(5). */
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/**
 * The host as onescand will see it at its next start: by its file of settings, else by the onescand
 * that runs. Undefined if there is neither.
 */
export function configuredDaemon(
  running: RunningDaemon | undefined,
  accounts: Accounts,
  now: number,
  file: string = DEFAULTS,
): ConfiguredDaemon | undefined {
  const found: Finding[] = []
  let env: Host['env']
  let words: readonly string[]
  let where = 'the environment of onescand'
  if (hasDefaults(file)) {
    try {
      const read = readDefaults(file)
      env = { PATH, ...read.env }
      words = read.words
      where = read.where
      for (const { file, text, why, remedy, isLost } of read.odd) {
        found.push((isLost ? error : warning)(file, `${text} ${why}`, remedy))
      }
    } catch (thrown) {
      return withoutHost([error(file, errorText(thrown), 'run check as root')], accounts, now)
    }
  } else if (running?.env !== undefined) {
    env = running.env
    words = running.words
  } else return undefined
  const account = accountOf(running, accounts)
  const held = running === undefined ? [] : heldBy(running)
  const host: Host = {
    env,
    place: readControlDirectories(env),
    account,
    accounts,
    limits: noLimits,
    program: '',
    now,
    daemon: {
      // The unit and the run script name the slot's socket.
      words: words.some((word) => word.startsWith('--socket'))
        ? words
        : [...words, '--socket', optionValues(running?.words ?? [], '--socket').at(-1) ?? 'none'],
      held,
      file: where,
    },
  }
  return { host, found }
}

/**
 * The places at which it, or systemd for it, really listens. Another program may have taken the
 * port of its page.
 */
function heldBy({ words, uid }: RunningDaemon): string[] {
  return addressesIn(words).filter((text) => {
    const place = placeOf(text.startsWith('/') ? `unix:${text}` : `inet:${text}`, undefined)
    const owners = place === undefined ? [] : listenersAt(place)
    const isSystemds = place !== undefined && 'path' in place && owners.includes(0)
    return owners.length === 0 || owners.includes(uid) || isSystemds
  })
}

function withoutHost(found: readonly Finding[], accounts: Accounts, now: number): ConfiguredDaemon {
  const env = { PATH }
  const account = ownAccount(accounts)
  const host = {
    env,
    place: readControlDirectories(env),
    account,
    accounts,
    limits: noLimits,
    program: '',
    now,
  }
  return { host, found }
}

/** The account of the onescand that runs, else that of the package, else the caller's. */
function accountOf(running: RunningDaemon | undefined, accounts: Accounts): Host['account'] {
  if (running === undefined) return findAccount(accounts, ACCOUNT, 'all') ?? ownAccount(accounts)
  const { uid } = running
  const name = userName(accounts, uid)
  return findAccount(accounts, name, 'all') ?? { name, uid, groups: [uid] }
}

/** The onescand that listens where these mail servers ask, or where its own settings say. */
export async function findAskedDaemon(
  servers: readonly MailServer[],
  processes: string,
  file: string = DEFAULTS,
): Promise<RunningDaemon | undefined> {
  const running = daemonsIn(processes)
  if (running.length === 0) return undefined
  const { milters, queue } = await namedMilters(servers)
  const own = addressesIn(wordsOf(file))
  return running.find(({ words }) => {
    const listens = optionValues(words, '--milter')
    return (
      addressesIn(words).some((place) => own.includes(place)) ||
      milters.some((named) => matchAddress(named, listens, queue) !== undefined)
    )
  })
}

function daemonsIn(processes: string): RunningDaemon[] {
  try {
    return runningDaemons(processes)
  } catch {
    return [] // no proc(5)
  }
}

function wordsOf(file: string): readonly string[] {
  try {
    return readDefaults(file).words
  } catch {
    return []
  }
}

/**
 * Filters as main.cf and sendmail.cf name them. If a server cannot be asked, its own check reports
 * that.
 */
async function namedMilters(
  servers: readonly MailServer[],
): Promise<{ readonly milters: readonly string[]; readonly queue: string | undefined }> {
  const milters: string[] = []
  let queue: string | undefined
  if (servers.includes('Postfix')) {
    const text = await postconf({ directory: '' }, '-x', 'smtpd_milters', 'queue_directory').catch(
      () => '',
    )
    const parameters = readParameters(text)
    queue = parameters.queue_directory
    milters.push(...splitMilters(parameters.smtpd_milters ?? '').map(({ text }) => text))
  }
  if (servers.includes('Sendmail')) {
    try {
      milters.push(...filtersIn(readOwnText(SENDMAIL_CF)).map(({ socket }) => socket))
    } catch {
      // The check of Sendmail reports it.
    }
  }
  return { milters, queue }
}
