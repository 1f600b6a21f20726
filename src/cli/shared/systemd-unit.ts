import { execFileSync } from 'node:child_process'
import { attempt } from '../../ground/errors/fault.ts'
import { splitWords } from '../../ground/settings/table/values.ts'

/** The unit of a service as systemd has it loaded: systemd.exec(5), systemd.service(5). */
export interface SystemdUnit {
  /** The files that the administrator wrote: additions (`systemctl edit`), or a unit in /etc. */
  readonly files: readonly string[]
  /** The variables of Environment=, by name. */
  readonly env: Readonly<Record<string, string>>
  /** The files of EnvironmentFile=. Each overrides Environment= and the files before it. */
  readonly environmentFiles: readonly EnvironmentFile[]
  /** The words after the program of ExecStart=. None of onescan's programs takes one with a blank. */
  readonly words: readonly string[]
}

interface EnvironmentFile {
  readonly path: string
  /** Whether a `-` stands before it, so that it may be missing. */
  readonly isOptional: boolean
}

/** This directory exists if systemd has started the host: sd_booted(3). */
export const SYSTEMD = '/run/systemd/system'
const SYSTEMCTL = '/usr/bin/systemctl'
const PROPERTIES = 'Environment,EnvironmentFiles,ExecStart,FragmentPath,DropInPaths'
/** Milliseconds for the answer. */
const PATIENCE = 5_000

/**
 * Asks systemd for the unit of a service. Undefined if there is none, or if systemd does not answer, as
 * without D-Bus it answers root alone.
 */
export function askSystemd(name: string): SystemdUnit | undefined {
  const said = show(PROPERTIES, `${name}.service`)
  const values = (property: string) =>
    [...said.matchAll(new RegExp(`^${property}=(.+)$`, 'gm'))].map(([, value]) => value!)
  const [, command] = /(?:^| )argv\[\]=(.*?) ; /.exec(values('ExecStart').at(-1) ?? '') ?? []
  if (command === undefined) return undefined
  const places = [...values('FragmentPath'), ...splitWords(values('DropInPaths').join(' '), name)]
  return {
    files: places.filter((path) => path.startsWith('/etc/')),
    env: Object.fromEntries(
      splitWords(values('Environment').join(' '), name).map((word) => {
        const at = word.indexOf('=')
        return [word.slice(0, at), word.slice(at + 1)]
      }),
    ),
    environmentFiles: values('EnvironmentFiles').map((value) => {
      const [, path = value, ignored] = /^(.*) \(ignore_errors=(\w+)\)$/.exec(value) ?? []
      return { path, isOptional: ignored === 'yes' }
    }),
    words: command.split(' ').slice(1),
  }
}

/** The process by which systemd knows a service. Its others are whoever's: cron's are those of users. */
export function askMainProcess(unit: string): string | undefined {
  return /^MainPID=(.+)$/m.exec(show('MainPID', unit))?.[1]
}

/** What systemctl(1) says of a unit, a line for each property; '' if it does not answer. */
function show(properties: string, unit: string): string {
  const words = ['show', `--property=${properties}`, '--', unit]
  const options = { encoding: 'utf8', env: {}, timeout: PATIENCE, stdio: 'pipe' } as const
  return attempt(() => execFileSync(SYSTEMCTL, words, options)) ?? ''
}
