import { existsSync, statSync } from 'node:fs'
import { dirname, extname, join } from 'node:path'
import { attempt } from '../../base/errors/fault.ts'
import { readUptime } from '../../base/flow/uptime.ts'
import { ProcEntry, START_BLUR } from '../../base/process/proc-entry.ts'
import { isCompiled, ownFile } from '../../base/runtime/compiled-program.ts'
import { HOST_DIRECTORY } from '../../base/settings/control-directories.ts'
import { isSetting } from '../../base/settings/table.ts'
import type { Configuration } from '../configuration/configuration.ts'
import type { DaemonDescription, LostLog } from '../protocol/slot/daemon-description.ts'
import { ruleFiles } from '../scan/rules/rule.ts'
import { keyringPath } from '../scan/stamps/keyring.ts'

/** Returns the state of this onescand, for permitted clients. A worker can describe all of it. */
export function describeDaemon(configuration: Configuration): DaemonDescription {
  const { env, readAt } = configuration
  const program = isCompiled ? process.execPath : ownFile
  // If the unit hides the first process (ProtectProc=invisible), this worker's own start counts,
  // which is hardly later.
  const startedAt =
    attempt(() => new ProcEntry(process.ppid).startedAt()) ?? Date.now() - readUptime()
  const settings = Object.entries(env).filter(([name]) => isSetting(name))
  return {
    pid: process.ppid,
    args: ownArgs(),
    settings: Object.fromEntries(settings) as DaemonDescription['settings'],
    changed: filesOf(configuration).filter((file) => isNewer(file, readAt)),
    replaced: [program].filter((file) => isNewer(file, startedAt + START_BLUR)),
    lostLog: lostLog(env.LOGFILE),
  }
}

/** Returns why the lines of a log cannot be read, or undefined if they can, or if there is no log. */
function lostLog(file: string | undefined): LostLog | undefined {
  if (!file) return undefined
  // It is made with its first line.
  if (!existsSync(dirname(file))) return 'not visible to onescand'
  return attempt(() => statSync(file))?.isCharacterDevice() ? 'a device' : undefined
}

/** The options of this onescand, of which this process is a worker. */
export function ownArgs(): string[] {
  const args = process.argv.slice(2)
  return args.slice(0, args.lastIndexOf('--worker'))
}

/** Returns the files that are read at the start and at a SIGHUP; onescand(8). */
function filesOf({ env, directories: { control }, context }: Configuration): string[] {
  if (context === undefined) return [] // without QHPSI none is read
  const { BADATTACHMENTS, PLUGINDIR, QHPSI } = context.config.settings
  const plugins = QHPSI.kind === 'plugins' ? QHPSI.names : []
  const rules = ruleFiles(control, HOST_DIRECTORY)
  return [
    keyringPath(env, control),
    ...('file' in BADATTACHMENTS ? [BADATTACHMENTS.file] : []),
    ...rules.filter((file) => existsSync(file)).slice(0, 1),
    ...plugins.filter((name) => extname(name) !== '').map((name) => join(PLUGINDIR, name)),
  ]
}

/** Returns whether a file was written, moved to this name, or given another mode since then. */
function isNewer(file: string, since: number): boolean {
  const { mtimeMs = 0, ctimeMs = 0 } = attempt(() => statSync(file)) ?? {}
  return Math.max(mtimeMs, ctimeMs) > since
}
