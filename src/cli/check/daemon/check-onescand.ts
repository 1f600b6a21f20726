import {
  type Accounts,
  findAccount,
  groupName,
  nameOrNumber,
  readAccounts,
} from '../../../doors/readiness/account.ts'
import { switchFinding } from '../../../doors/readiness/settings.ts'
import { askToTell } from '../../../doors/slot-socket/tell.ts'
import { attempt } from '../../../ground/errors/fault.ts'
import {
  error,
  type Finding,
  following,
  marked,
  ok,
  warning,
} from '../../../ground/errors/finding.ts'
import { shellWord } from '../../../ground/errors/shell-word.ts'
import { isSetting } from '../../../ground/settings/table.ts'
import { NOTHING_SCANS, readControlDirectories, switchedOff } from '../../../scan/judge/policy.ts'
import { DEFAULTS, type DefaultsFile, readDefaults } from '../../shared/defaults-file.ts'
import { rootFacts } from '../../shared/root-facts.ts'
import {
  askRunningDaemon,
  type RunningDaemon,
  type RunningDescription,
} from '../../shared/running-daemon.ts'
import { askService } from '../shared/ask-service.ts'
import { howToStartOnescand } from '../shared/how-to-start.ts'
import { type ConfiguredDaemon, configuredDaemon } from './configured-daemon.ts'

/**
 * Checks the settings of onescand, the one that runs, and whether mail is scanned by both. `isNeeded`: only
 * the slot goes on without it.
 */
export async function* checkOnescand(
  running: RunningDaemon | undefined,
  isNeeded: boolean,
): AsyncGenerator<Finding> {
  const accounts = readAccounts()
  const configured = configuredDaemon(running?.description, accounts, Date.now())
  if (configured === undefined) return
  const all = [
    ...configured.findings,
    ...(running ? checkRunning(running, DEFAULTS, accounts) : []),
  ]
  for (const finding of all) yield ofOnescand(finding)
  for await (const finding of checkStartOf(configured, '--check')) yield ofOnescand(finding)
  if (running !== undefined) yield* await askForTrial(running)
  else {
    const level = isNeeded ? error : warning
    yield following(level('onescand', 'does not answer', howToStartOnescand()), 'stops the start')
  }
}

/** Checks the onescand that runs or, if none does, says why. */
export async function* checkRunningDaemon(): AsyncGenerator<Finding> {
  const running = await askRunningDaemon()
  if (running !== undefined) {
    yield* checkRunning(running, DEFAULTS, readAccounts())
    yield* await askForTrial(running)
    return
  }
  const remedy = rootFacts === undefined ? 'run check as root' : howToStartOnescand()
  yield error('onescand', 'does not answer', remedy)
  const configured = configuredDaemon(undefined, readAccounts(), Date.now())
  if (configured === undefined) return
  yield* configured.findings
  for await (const finding of checkStartOf(configured, '--check-settings')) {
    if (finding.level === 'error') yield finding
  }
}

const ofOnescand = (finding: Finding): Finding => {
  const { what } = finding
  return { ...finding, what: what.includes('onescand') ? what : `${what} [onescand]` }
}

/** What onescand itself says with these settings, the settings first. */
async function* checkStartOf(
  { host, words: options }: ConfiguredDaemon,
  mode: '--check' | '--check-settings',
): AsyncGenerator<Finding> {
  if (options === undefined) return
  const { words, held, file } = options
  const heldOptions = held.flatMap((address) => ['--held', address])
  yield* askService('onescand', [mode, ...heldOptions, ...words], { env: host.env, file })
  const { uid, name } = host.account
  const own = process.getuid!()
  if (uid !== own && mode === '--check') {
    yield warning('trials', `are made as uid ${own}, not as ${name}`, 'run check as root')
  }
}

/**
 * Reports how an onescand runs, as it says itself: since when, by which settings, and what has changed
 * since then in its files and in `defaults`, the package's file of settings.
 */
export function checkRunning(
  { socket, description }: RunningDaemon,
  defaults: string,
  accounts: Accounts,
): Finding[] {
  if (description === undefined) {
    const value = `answers at ${socket}, and does not tell you its settings`
    const remedy =
      rootFacts === undefined
        ? 'run check as root'
        : 'if it has another account, name that with --user; without onescan.node it does not see who asks: install onescan for x64 or arm64 anew, and restart it'
    return [warning('onescand', value, remedy)]
  }
  const what = `onescand ${description.pid}`
  return [
    ok(what, describe(description, accounts)),
    ...checkGroups(description, what, accounts),
    ...checkSettings(description, what, defaults),
    ...checkFiles(description, what),
  ]
}

function describe({ words, since, uid }: RunningDescription, accounts: Accounts): string {
  const time = `${new Date(since).toISOString().slice(0, 19).replace('T', ' ')} UTC`
  return `runs since ${time} as ${nameOrNumber(accounts, uid)}: onescand ${words.map(shellWord).join(' ')}`.trim()
}

/** Milliseconds for a trial: onescand gives up sooner. */
const TRIAL_WITHIN = 15_000

/** Has an onescand that tells how it runs try whether it scans, and whether its doors answer. */
async function askForTrial({ socket, description }: RunningDaemon): Promise<Finding[]> {
  if (description === undefined) return []
  const what = `onescand ${description.pid}`
  const told = await askToTell(socket, TRIAL_WITHIN, true).catch(() => undefined)
  const trial = told?.daemon?.trial
  if (trial === undefined) {
    const value = `made no trial within ${TRIAL_WITHIN / 1000} s`
    return [error(what, value, 'see its log, and restart it')]
  }
  const { wrong, doors } = trial
  if (wrong.length === 0) {
    const open = doors.join(', ') || 'no door'
    return [ok(what, `calls a clean message clean, and finds EICAR; open: ${open}`)]
  }
  return wrong.map((finding) => judgeTold(what, finding, doors))
}

/**
 * The finding about what an onescand says is wrong. The words may be those of who has taken it over, so they
 * are quoted, and no remedy is among them. All but a door that does not answer follows from a scanner that
 * cannot, or from a directory that is not there.
 */
function judgeTold(what: string, finding: Finding, doors: readonly string[]): Finding {
  const value = `does not scan as it should: ${JSON.stringify(`${finding.what}: ${finding.value}`)}`
  const quoted = error(what, value, 'see the other findings, and its log')
  return doors.includes(finding.what) ? quoted : following(quoted, 'nothing scans')
}

/** A process has the groups that its user was in when it was started. */
function checkGroups(
  { uid, groups }: RunningDescription,
  what: string,
  accounts: Accounts,
): Finding[] {
  const user = uid === 0 ? undefined : findAccount(accounts, nameOrNumber(accounts, uid), 'all')
  const missing = (user?.groups ?? []).filter((gid) => !groups.includes(gid))
  if (missing.length === 0) return []
  const names = missing.map((gid) => groupName(accounts, gid)).join(', ')
  return [warning(what, `runs without ${names}, groups that ${user!.name} is in`, 'restart it')]
}

function checkSettings(
  { settings, words }: RunningDescription,
  what: string,
  defaults: string,
): Finding[] {
  const own = Object.entries(settings).filter(
    ([name]) => isSetting(name) && name !== 'PATH' && name !== 'JOURNAL_STREAM',
  )
  const list = own.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(' ')
  const off = switchedOff(readControlDirectories(settings))
  const findings = [
    ...(off === undefined ? [] : [switchFinding(off, what)]),
    settings.QHPSI
      ? ok(what, `has ${list}`)
      : marked(
          error(what, `scans nothing: ${NOTHING_SCANS} (${list})`, `set it in ${defaults}`),
          'nothing scans',
        ),
  ]
  // It may be missing, or only root may read it.
  const file = attempt(() => readDefaults(defaults))
  return [...findings, ...(file ? checkAgainstFile({ words, settings }, what, file) : [])]
}

/** Compares the options and settings by which onescand runs with those of its file. */
function checkAgainstFile(
  { words, settings }: Pick<RunningDescription, 'words' | 'settings'>,
  what: string,
  file: DefaultsFile,
): Finding[] {
  const findings: Finding[] = []
  const given = optionsIn(words)
  const missing = optionsIn(file.words).filter((option) => !given.includes(option))
  if (missing.length > 0) {
    const text = `runs without "${missing.join(' ')}", which ${file.where} has in ONESCAND_OPTIONS`
    findings.push(warning(what, text, 'restart it: it reads its options only at its start'))
  }
  for (const [name, value] of Object.entries(file.env)) {
    if (!isSetting(name) || settings[name] === value) continue
    const text =
      settings[name] === undefined
        ? `runs without ${name}="${value}", which ${file.where} has`
        : `runs with ${name}=${JSON.stringify(settings[name])}, and ${file.where} has "${value}"`
    findings.push(warning(what, text, 'restart it: it reads its settings only at its start'))
  }
  return findings
}

/** The options on a command line, each with its value: `--workers 2`. */
function optionsIn(words: readonly string[]): string[] {
  const options: string[] = []
  for (const word of words) {
    if (word.startsWith('--') || options.length === 0) options.push(word.replace('=', ' '))
    else options.splice(-1, 1, `${options.at(-1)} ${word}`)
  }
  return options
}

function checkFiles(
  { pid, changed, replaced, readOnly, settings }: RunningDescription,
  what: string,
) {
  return [
    ...replaced.map((program) =>
      warning(
        what,
        `${shellWord(program)} has been replaced since it was started`,
        'restart it to run the new one',
      ),
    ),
    ...changed.map((file) =>
      warning(what, `${shellWord(file)} has changed since it was read`, `kill -HUP ${pid}`),
    ),
    ...readOnly.flatMap((name) => {
      const directory = settings[name]
      if (directory === undefined) return []
      const value = `cannot write ${name} ${shellWord(directory)}: it is read-only for this process`
      const remedy = `"systemctl edit onescand" with ReadWritePaths=${shellWord(directory)} in [Service], and restart it`
      return error(what, value, remedy)
    }),
  ]
}
