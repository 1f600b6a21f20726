import { resolve } from 'node:path'
import { type CheckLine, failure } from '../../../../base/check/check-line.ts'
import { attempt } from '../../../../base/errors/fault.ts'
import { readStart } from '../../../../base/path/open.ts'
import { PathHandle, pathExists } from '../../../../base/path/path-handle.ts'
import { ProcEntry } from '../../../../base/process/proc-entry.ts'
import { shellWord } from '../../../../base/text/shell-word.ts'
import { findAccount, obstacle, readAccounts } from '../../../readiness/host/account.ts'
import { howToStop, strangerAtPort } from '../../host/open-ports.ts'

/** Why a service below supervise(8) ends right after each start. */
interface CauseOfEnd {
  readonly reason: string
  /** The command against it, or undefined if only the reason is known. */
  readonly remedy?: string
}

/** Upper limits for the bytes read of a run script, and of the end of a log. */
const SCRIPT_MAX = 64 * 1024
const LOG_END = 4 * 1024

/** The programs that write logs, and the words before an account: `setuidgid qmaill multilog t /var/log/qmail`. */
const LOGGER = /^(?:\S*\/)?(?:multilog|svlogd)$/
const AS_ACCOUNT = /^(?:(?:\S*\/)?setuidgid|-u)$/
/** What a shell leaves as it is. */
const DIRECTORY = /^\.?\/[^'"$`]+$/
const ACCOUNT_NAME = /^[\w-]+$/

export const readScript = (file: string): string =>
  attempt(() => readStart(file, SCRIPT_MAX).toString('latin1')) ?? ''

/** Returns the account that writes the log of a service, and the directory, or undefined if there is none. */
function loggerOf(service: string) {
  const words = readScript(`${service}/log/run`).split(/\s+/)
  const at = words.findIndex((word) => LOGGER.test(word))
  const [before, after] = [words.slice(0, at), words.slice(at + 1)]
  const directory = after.find((word) => DIRECTORY.test(word))
  const as = before.findIndex((word) => AS_ACCOUNT.test(word))
  const name = as < 0 ? 'root' : (before[as + 1] ?? '')
  if (at < 0 || directory === undefined || !ACCOUNT_NAME.test(name)) return undefined
  return { name, directory: resolve(service, 'log', directory) }
}

/** Returns why this service ends: another process has one of its ports, or what its log ends in. Undefined if it is unknown. */
export function causeOfEnd(service: string, ports: readonly number[]): CauseOfEnd | undefined {
  for (const port of ports) {
    const owner = strangerAtPort({ host: '0.0.0.0', port }, () => false)
    if (owner === undefined) continue
    const { name = 'unknown' } = new ProcEntry(owner.pid).status() ?? {}
    const reason = `process ${owner.pid} (${name}) has port ${port}`
    return { reason, remedy: howToStop(owner) }
  }
  const file = `${loggerOf(service)?.directory}/current`
  const text = attempt(() => PathHandle.with(file, (log) => log.readEnd(LOG_END)))
  const line = text?.toString('latin1').trimEnd().split('\n').at(-1)
  return line ? { reason: `its log ends in ${JSON.stringify(line.replace(TIME, ''))}` } : undefined
}

/**
 * Reports a log that its account cannot write: a service stops when as much is unwritten as a pipe holds (pipe(7)). `restart` is the
 * command that starts the program of the log again.
 */
export function checkLogWriter(service: string, restart: string): CheckLine[] {
  const { name, directory = '' } = loggerOf(service) ?? {}
  if (name === undefined) return []
  const path = shellWord(directory)
  const fails = (value: string, remedy: string) => [
    failure(`${service}/log`, value, `${remedy} && ${restart}`),
  ]
  const account = findAccount(readAccounts(), name, 'primary')
  if (account === undefined) return fails(`there is no account ${name}`, `useradd -r ${name}`)
  if (!(attempt(() => pathExists(directory)) ?? true))
    return fails(`${path} does not exist`, `install -d -o ${name} ${path}`)
  const paths = [directory, ...FILES.map((file) => `${directory}/${file}`)]
  const closed = paths.find((file) => attempt(() => obstacle(account, file, 'write')))
  if (closed === undefined) return []
  return fails(
    `${name} may not write ${shellWord(closed)}: the service stops when much is unwritten`,
    `chown -R ${name} ${path} && chmod u+rwx ${path}`,
  )
}

/** What multilog(8) and svlogd(8) write in the directory of a log. */
const FILES = ['current', 'lock', 'state'] as const

/** The time that multilog(8) or svlogd(8) puts before a line. */
const TIME = /^(?:@[0-9a-f]{24}|[\d-]{10}[_T][\d:.]{8,18}) /
