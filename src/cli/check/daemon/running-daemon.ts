import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type Accounts, nameOrNumber } from '../../../doors/stages/account.ts'
import { switchFinding } from '../../../doors/stages/settings.ts'
import { error, type Finding, ok, warning } from '../../../ground/errors/finding.ts'
import { isSetting } from '../../../ground/settings/table.ts'
import {
  HOST_DIRECTORY,
  NOTHING_SCANS,
  readControlDirectories,
  switchedOff,
} from '../../../judge/policy.ts'
import { ruleFiles } from '../../../rules/rule-files.ts'
import { DEFAULTS, type DefaultsFile, readDefaults } from '../../shared/defaults-file.ts'
import { PROCESSES, type RunningDaemon, runningDaemons } from '../../shared/running-daemons.ts'
import { howToStart } from '../shared/how-to-start.ts'
import { checkReadOnly } from './read-only.ts'

/** The files by which a running onescand and its settings are found. */
export interface DaemonHost {
  /** proc(5). */
  readonly processes: string
  /** The package's file with lines NAME="value"; it may be missing. */
  readonly defaults: string
  readonly accounts: Accounts
}

export const daemonHost = (accounts: Accounts): DaemonHost => {
  return { processes: PROCESSES, defaults: DEFAULTS, accounts }
}

/** Milliseconds. A file that was changed less than that after a start counts as older. */
const AT_ONCE = 2000

/**
 * Checks each onescand that runs on this host: since when it runs, by which settings, and what has
 * changed since then.
 */
export function checkDaemon(host: DaemonHost): Finding[] {
  const running = runningDaemons(host.processes)
  if (running.length === 0) {
    return [error('onescand', 'does not run', howToStart())]
  }
  return running.flatMap((daemon) => checkRunning(daemon, host))
}

/** Checks one onescand that runs. */
export function checkRunning(
  daemon: RunningDaemon,
  host: Omit<DaemonHost, 'processes'>,
): Finding[] {
  return [
    ok(`onescand ${daemon.pid}`, describe(daemon, host)),
    ...checkSettings(daemon, host),
    ...checkFiles(daemon),
    ...checkReadOnly(`onescand ${daemon.pid}`, daemon.pid, daemon.env ?? {}, PROCESSES),
  ]
}

function describe(
  { words, since, uid }: RunningDaemon,
  { accounts }: Pick<DaemonHost, 'accounts'>,
): string {
  const time = `${new Date(since).toISOString().slice(0, 19).replace('T', ' ')} UTC`
  return `runs since ${time} as ${nameOrNumber(accounts, uid)}: onescand ${words.join(' ')}`.trim()
}

function checkSettings(
  { pid, env, words }: RunningDaemon,
  { defaults }: Omit<DaemonHost, 'processes'>,
): Finding[] {
  const what = `onescand ${pid}`
  if (env === undefined) {
    return [warning(what, 'you may not read its settings', 'run check as root')]
  }
  const own = Object.entries(env).filter(([name]) => isSetting(name) && name !== 'PATH')
  const list = own.map(([name, value]) => `${name}="${value}"`).join(' ')
  const off = switchedOff(readControlDirectories(env))
  const findings = [
    ...(off === undefined ? [] : [switchFinding(off, what)]),
    env.QHPSI
      ? ok(what, `has ${list}`)
      : error(what, `scans nothing: ${NOTHING_SCANS} (${list})`, `set it in ${defaults}`),
  ]
  return [...findings, ...checkAgainstFile({ words, env }, what, fileOf(defaults))]
}

/** Compares the options and settings by which onescand runs with those of its file. */
function checkAgainstFile(
  { words, env = {} }: Pick<RunningDaemon, 'words' | 'env'>,
  what: string,
  file: DefaultsFile | undefined,
): Finding[] {
  if (file === undefined) return []
  const findings: Finding[] = []
  const given = optionsIn(words)
  const missing = optionsIn(file.words).filter((option) => !given.includes(option))
  if (missing.length > 0) {
    const text = `runs without "${missing.join(' ')}", which ${file.where} has in ONESCAND_OPTIONS`
    findings.push(warning(what, text, 'restart it: it reads its options only at its start'))
  }
  for (const [name, value] of Object.entries(file.env)) {
    if (!isSetting(name) || env[name] === value) continue
    const text =
      env[name] === undefined
        ? `runs without ${name}="${value}", which ${file.where} has`
        : `runs with ${name}="${env[name]}", and ${file.where} has "${value}"`
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

function fileOf(defaults: string): DefaultsFile | undefined {
  try {
    return readDefaults(defaults)
  } catch {
    return undefined // not the package's file, or only root may read it
  }
}

function checkFiles({ pid, since, env, program }: RunningDaemon): Finding[] {
  const what = `onescand ${pid}`
  const findings: Finding[] = []
  if (program !== undefined && (program.endsWith(' (deleted)') || isNewer(program, since))) {
    const value = `${program.replace(' (deleted)', '')} has been replaced since it was started`
    findings.push(warning(what, value, 'restart it to run the new one'))
  }
  for (const file of filesOf(env ?? {})) {
    if (!isNewer(file, since)) continue
    const value = `${file} has changed since it was started`
    findings.push(warning(what, value, `kill -HUP ${pid}, unless you have done so since`))
  }
  return findings
}

/** The files that onescand reads at its start and at a SIGHUP; onescand(8). */
function filesOf(env: Readonly<Record<string, string>>): string[] {
  const directory = env.PLUGINDIR
  const plugins =
    /^\s*plugin:(.*)$/s
      .exec(env.QHPSI ?? '')?.[1]
      ?.trim()
      .split(/\s+/) ?? []
  const own = directory ? plugins.filter((name) => name.includes('.')) : []
  return [
    ...[env.CLUSTERKEYS, env.BADATTACHMENTS].filter((file) => file?.startsWith('/')),
    ...ruleFiles(readControlDirectories(env).control, HOST_DIRECTORY)
      .filter(existsSync)
      .slice(0, 1),
    ...own.map((name) => join(directory!, name)),
  ] as string[]
}

/** Whether a file was written, moved to this name, or given another mode since then. */
function isNewer(file: string, since: number): boolean {
  try {
    const { mtimeMs, ctimeMs } = statSync(file)
    return Math.max(mtimeMs, ctimeMs) > since + AT_ONCE
  } catch {
    return false
  }
}
