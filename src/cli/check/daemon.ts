import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { readRegularFile } from '../regular-file.ts'
import { type Accounts, userName } from './account.ts'
import { error, type Finding, ok, warning } from './finding.ts'
import { settings } from './variables.ts'

/** Where onescand is looked for, and its settings. */
export interface DaemonHost {
  /** proc(5). */
  readonly processes: string
  /** NAME="value" a line, as the package has it; it need not be there. */
  readonly defaults: string
  readonly accounts: Accounts
}

export const daemonHere = (accounts: Accounts): DaemonHost => {
  return { processes: '/proc', defaults: '/etc/default/onescand', accounts }
}

/** One that serves, without the workers that it started. */
interface Running {
  readonly pid: string
  readonly words: readonly string[]
  /** Milliseconds, as Date.now(). */
  readonly since: number
  readonly uid: number
  /** undefined where it is not ours to read. */
  readonly env: Readonly<Record<string, string>> | undefined
  /** The file of the program. */
  readonly program: string | undefined
}

/** Units of /proc/PID/stat in a second: USER_HZ, which is 100 on all that onescan runs on. */
const TICKS = 100
/** Milliseconds by which a file's time and a start may differ. */
const AT_ONCE = 2000

/** onescand on this host: what runs, since when, with which settings, and what has changed since. */
export function checkDaemon(host: DaemonHost): Finding[] {
  const running = findRunning(host)
  if (running.length === 0) {
    return [
      error('onescand', 'does not run', 'start it: systemctl start onescand, or its run script'),
    ]
  }
  return running.flatMap((one) => [
    ok(`onescand ${one.pid}`, describe(one, host)),
    ...checkSettings(one, host),
    ...checkFiles(one),
  ])
}

function describe({ words, since, uid }: Running, { accounts }: DaemonHost): string {
  const time = `${new Date(since).toISOString().slice(0, 19).replace('T', ' ')} UTC`
  return `runs since ${time} as ${userName(accounts, uid)}: onescand ${words.join(' ')}`.trim()
}

function checkSettings({ pid, env }: Running, { defaults }: DaemonHost): Finding[] {
  const what = `onescand ${pid}`
  if (env === undefined) {
    return [warning(what, 'its settings are not yours to read', 'run check as root')]
  }
  const own = Object.entries(env).filter(([name]) => settings.includes(name) && name !== 'PATH')
  const list = own.map(([name, value]) => `${name}="${value}"`).join(' ')
  const findings = [
    env.QHPSI
      ? ok(what, `has ${list}`)
      : error(what, `scans nothing: QHPSI is not set (${list})`, `set it in ${defaults}`),
  ]
  for (const [name, value] of settingsIn(defaults)) {
    if (env[name] === value) continue
    const now = env[name] === undefined ? 'not set' : `"${env[name]}"`
    const text = `${name} is ${now} in it, and "${value}" in ${defaults}`
    findings.push(warning(what, text, 'start it anew: it reads its settings only then'))
  }
  return findings
}

/** `NAME="value"` of the file, without the words of the command line. */
function settingsIn(file: string): (readonly [string, string])[] {
  try {
    const lines = [...readRegularFile(file).matchAll(/^(\w+)=(["']?)(.*)\2[ \t]*$/gm)]
    return lines.flatMap(([, name, , value]) =>
      settings.includes(name!) ? [[name!, value!] as const] : [],
    )
  } catch {
    return []
  }
}

function checkFiles({ pid, since, env, program }: Running): Finding[] {
  const what = `onescand ${pid}`
  const findings: Finding[] = []
  if (program !== undefined && (program.endsWith(' (deleted)') || isNewer(program, since))) {
    const value = `${program.replace(' (deleted)', '')} is another one since it was started`
    findings.push(warning(what, value, 'start it anew to run that'))
  }
  for (const file of filesOf(env ?? {})) {
    if (!isNewer(file, since)) continue
    const value = `${file} has changed since it was started`
    findings.push(warning(what, value, `kill -HUP ${pid}, unless that was done since`))
  }
  return findings
}

/** What it reads when it starts, and at a SIGHUP: onescand(8). */
function filesOf(env: Readonly<Record<string, string>>): string[] {
  const directory = env.PLUGINDIR
  const plugins =
    /^\s*plugin:(.*)$/s
      .exec(env.QHPSI ?? '')?.[1]
      ?.trim()
      .split(/\s+/) ?? []
  const own = directory ? plugins.filter((name) => name.includes('.')) : []
  return [
    ...[env.CLUSTERKEYS, env.BADATTACHMENTS].filter((file) => file !== undefined && file !== ''),
    ...own.map((name) => join(directory!, name)),
  ] as string[]
}

function isNewer(file: string, since: number): boolean {
  try {
    return statSync(file).mtimeMs > since + AT_ONCE
  } catch {
    return false
  }
}

function findRunning({ processes }: DaemonHost): Running[] {
  const boot = bootTime(processes)
  return readdirSync(processes).flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return []
    try {
      const at = (name: string) => join(processes, pid, name)
      const words = readFileSync(at('cmdline'), 'latin1').split('\0').slice(0, -1)
      const index = words.findIndex((word) => /^onescand(\.[cm]?js)?$/.test(basename(word)))
      const rest = words.slice(index + 1)
      // The command itself, a script behind its runtime, or the name behind the compiled one's.
      if (index < 0 || index > 2 || rest.includes('--worker')) return []
      const started = readFileSync(at('stat'), 'latin1')
        .replace(/^.*\) /s, '')
        .split(' ')[19]
      const since = boot + (Number(started) / TICKS) * 1000
      const program = index === 1 ? words[1] : linkOf(at('exe'))
      return [
        {
          pid,
          words: rest,
          since,
          uid: statSync(at('cmdline')).uid,
          env: environ(at('environ')),
          program,
        },
      ]
    } catch {
      return [] // has ended meanwhile
    }
  })
}

function environ(file: string): Record<string, string> | undefined {
  try {
    const pairs = readFileSync(file, 'latin1').split('\0').slice(0, -1)
    return Object.fromEntries(
      pairs.map((pair) => {
        const at = pair.indexOf('=')
        return [pair.slice(0, at), pair.slice(at + 1)]
      }),
    )
  } catch {
    return undefined
  }
}

function linkOf(file: string): string | undefined {
  try {
    return readlinkSync(file)
  } catch {
    return undefined
  }
}

function bootTime(processes: string): number {
  const [, seconds] = /^btime (\d+)$/m.exec(readFileSync(join(processes, 'stat'), 'latin1')) ?? []
  return Number(seconds) * 1000
}
