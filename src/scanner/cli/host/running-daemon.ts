import { statSync } from 'node:fs'
import { type CheckLine, failure } from '../../../base/check/check-line.ts'
import { attempt, errorCode } from '../../../base/errors/fault.ts'
import { passwdEntryOf } from '../../../base/process/passwd.ts'
import { ProcEntry } from '../../../base/process/proc-entry.ts'
import { SLOT_SOCKET } from '../../../base/settings/table.ts'
import {
  askForDescription,
  type DaemonDescription,
} from '../../protocol/slot/daemon-description.ts'
import { checkJournal } from './check-journal.ts'
import { optionsOfOnescand } from './settings-file.ts'
import { askMainProcess, askSystemd } from './systemd-unit.ts'

/** The onescand that answers at a socket, or one to which this user may not connect. */
export interface RunningDaemon {
  readonly socket: string
  /** Its state, or undefined if it does not report that to this user. */
  readonly description: RunningDescription | undefined
  /** The account of the process that answers, if it is not one that onescand has. */
  readonly stranger?: number | undefined
}

/** The report of an onescand about itself, and the kernel's data about its process. */
export interface RunningDescription extends DaemonDescription {
  /** When it was started, in milliseconds as Date.now(). */
  readonly since: number
  readonly uid: number
  readonly groups: readonly number[]
}

/** The account that the package creates for it. */
export const ACCOUNT = 'onescan'
/** Milliseconds for the answer, which onescand has ready. */
const TIMEOUT = 2_000

/** Queries the onescand at a socket for its state. Undefined if none answers there. */
export async function askRunningDaemon(
  socket: string = socketOfOnescand(),
): Promise<RunningDaemon | undefined> {
  const unit = socket === SLOT_SOCKET ? askSystemd('onescand.service') : undefined
  // A connection to the socket of systemd would start it.
  if (unit !== undefined && unit.active !== 'active' && unit.active !== 'reloading')
    return undefined
  const known = accountsOfOnescand()
  const owner = attempt(() => ownerOf(socket)) // any user may listen at a path in an own directory
  if (owner === undefined || !known.has(owner)) return undefined
  const answer = await askForDescription(socket, TIMEOUT).catch((error) =>
    errorCode(error) === 'EACCES' ? { daemon: undefined } : undefined,
  )
  if (answer === undefined) return undefined
  const { daemon } = answer
  const kernel = daemon && attempt(() => kernelFactsOf(String(daemon.pid)))
  if (daemon === undefined || kernel === undefined) return { socket, description: undefined }
  if (!known.has(kernel.uid)) return { socket, description: undefined, stranger: kernel.uid }
  const isOwn = isFirst(String(daemon.pid), kernel.uid, owner)
  return { socket, description: isOwn ? { ...daemon, ...kernel } : undefined }
}

/**
 * Resolves to a check line why the log of the running onescand cannot be read: its LOGFILE, as it reports
 * itself, or else the journal. Undefined if it can be read, or if onescand does not report it to this user.
 */
export async function lostLog(): Promise<CheckLine | undefined> {
  const { settings, lostLog: lost } = (await askRunningDaemon())?.description ?? {}
  if (!settings?.LOGFILE) return checkJournal()
  if (lost === undefined) return undefined
  const value = `${settings.LOGFILE} is ${lost}: the lines about mail are lost`
  const remedy =
    'run onescan check --daemon, which shows the command in its line about LOGFILE or paths'
  return failure('LOGFILE', value, remedy)
}

/**
 * Returns whether a process is the first one of an onescand, whose process id onescand reports itself. It
 * must be the main process in systemd, or belong to the account that created the socket. A process of root,
 * such as 1, is not if systemd runs onescand under another account.
 */
function isFirst(pid: string, uid: number, owner: number): boolean {
  const main = askMainProcess('onescand.service')
  const isSupervised = main !== undefined && main !== '0'
  return pid === main || (uid === 0 ? owner === 0 && !isSupervised : true)
}

/** The socket of this host's onescand: ONESCAN_SOCKET, else the `--socket` of its file of settings. */
export function socketOfOnescand(): string {
  return process.env.ONESCAN_SOCKET || (optionsOfOnescand().socket ?? SLOT_SOCKET)
}

/**
 * The users whose processes count as onescand: root, the caller, the package's account and the owner of
 * the usual socket.
 */
function accountsOfOnescand(): ReadonlySet<number> {
  const uid = attempt(() => passwdEntryOf(ACCOUNT)?.uid)
  const owner = attempt(() => ownerOf(SLOT_SOCKET))
  const known = [0, process.geteuid!(), uid, owner]
  return new Set(known.filter((id): id is number => id !== undefined && !Number.isNaN(id)))
}

/** Returns the owner of a socket, or undefined if it is not a socket. Throws if the path does not exist. */
function ownerOf(socket: string): number | undefined {
  const stats = statSync(socket)
  return stats.isSocket() ? stats.uid : undefined
}

function kernelFactsOf(pid: string) {
  const found = new ProcEntry(pid)
  const status = found.status()
  return status && { since: found.startedAt(), uid: status.uid, groups: status.groups }
}
