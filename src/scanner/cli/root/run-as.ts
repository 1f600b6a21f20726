import { type ChildProcess, type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, readdirSync } from 'node:fs'
import type { Readable, Writable } from 'node:stream'
import { attempt } from '../../../base/errors/fault.ts'
import { descriptorFlags } from '../../../base/process/descriptors.ts'
import { compiledProgram, isCompiled, ownFile } from '../../../base/runtime/compiled-program.ts'
import { loadSystem } from '../../../base/runtime/system.ts'
import { isSetting } from '../../../base/settings/table.ts'
import { CALLER } from '../../protocol/slot/service-run.ts'
import type { SystemAccount } from '../../readiness/host/account.ts'
import { AT_TERMINAL } from '../command/terminal.ts'
import type { FedCommand, RunningCommand } from './follow.ts'

/** Work that root delegates to an account that runs no service. */
interface AccountWork {
  readonly account: SystemAccount
  /** The arguments of `onescan`. */
  readonly args: readonly string[]
  /** Whether programs that it starts may have more rights than it has: qmail-queue, postdrop. */
  readonly maySetId?: boolean
  /** Whether it reads its standard input. Otherwise, that is /dev/null. */
  readonly readsInput: boolean
}

/**
 * Variables of the caller that are passed on in addition to settings. Other users cannot enter root's own
 * TMPDIR.
 */
const HARMLESS = /^(PATH|TERM|NO_COLOR|TZ|LANG|LC_ALL|SHELL)$/

/** Returns the user who typed the command, for logs. */
export const invokingUser = (): string => process.env.SUDO_USER || 'root'

/**
 * Returns the command that root uses to run a command under an account, without a capability or a way to new
 * privileges, and in a new PID namespace (pid_namespaces(7)). All processes that it leaves end with it, and
 * it sees no other process of its account, to which root may have given another group. In a chroot(2), and in
 * a container whose root may not mount, there is no such namespace. The rest still applies.
 */
export function commandAs(
  { uid, groups }: SystemAccount,
  command: readonly string[],
  maySetId = false,
): [string, ...string[]] {
  const [first = uid, ...others] = groups
  return [
    // Both end with root, however that ends: another user's process forgets that.
    '/usr/bin/setpriv',
    '--pdeathsig=KILL',
    ...(hasOwnNumbers() ? OWN_NUMBERS : []),
    ...['/usr/bin/setpriv', '--pdeathsig=KILL', `--reuid=${uid}`, `--regid=${first}`],
    others.length > 0 ? `--groups=${groups.join(',')}` : '--clear-groups',
    ...['--inh-caps=-all', '--ambient-caps=-all'],
    // A set-user-ID program of root has no more rights than the bounding set allows.
    ...(maySetId ? [] : ['--bounding-set=-all', '--no-new-privs']),
    ...['--', ...command],
  ]
}

const OWN_NUMBERS = ['/usr/bin/unshare', '--pid', '--fork', '--mount-proc'] as const

let hasOwnIds: boolean | undefined

/**
 * Returns whether root may create a PID namespace here: that needs CAP_SYS_ADMIN, and a root that is a mount
 * point. (Asked once, and synchronously: the command of an account is made where nothing waits.)
 */
function hasOwnNumbers(): boolean {
  const [unshare, ...args] = OWN_NUMBERS
  hasOwnIds ??= spawnSync(unshare, [...args, '/bin/true'], { stdio: 'ignore' }).status === 0
  return hasOwnIds
}

/**
 * Starts this program again under an account, without any resource of root: it has its own session, pipes,
 * keys, working directory and environment. (Its output is followed while it runs, and it may be asked more: runProgram()
 * returns what a program has printed when it has ended.)
 */
export function runAs(work: AccountWork & { readonly readsInput: true }): FedCommand
export function runAs(work: AccountWork): RunningCommand
export function runAs({ account, args, maySetId, readsInput }: AccountWork): RunningCommand {
  leaveFilesAndKeys()
  const own = isCompiled ? compiledProgram('onescan') : [process.execPath, ownFile]
  const [program, ...all] = commandAs(account, [...own, ...args], maySetId)
  const child = spawn(program, all, {
    cwd: '/',
    env: environment(),
    stdio: [readsInput ? 'pipe' : 'ignore', 'pipe', 'pipe'],
    detached: true,
  })
  const { stdin, stdout, stderr } = child as ChildProcessByStdio<
    Writable | null,
    Readable,
    Readable
  >
  stdin?.on('error', () => {}) // it reads no more
  const close = () => {
    const { pid } = child
    if (pid !== undefined) attempt(() => process.kill(-pid, 'SIGKILL'))
    for (const stream of [stdin, stdout, stderr]) stream?.destroy()
    child.unref() // what waits for a file system stays until that answers
  }
  const exit = exitOf(child)
  exit.catch(() => {}) // the caller that awaits it gets the error
  return { stdin, stdout, stderr, exit, close }
}

async function exitOf(child: ChildProcess): Promise<number> {
  const [code] = (await once(child, 'exit')) as [number | null]
  if (code === null) throw new Error('it was killed')
  return code
}

function environment(): Record<string, string> {
  const passed = Object.entries(process.env).filter(
    ([name]) => (isSetting(name) && name !== 'TMPDIR') || HARMLESS.test(name),
  )
  const own = {
    HOME: '/nonexistent',
    PWD: process.cwd(),
    [CALLER]: invokingUser(),
    ...(process.stderr.isTTY && { [AT_TERMINAL]: '1' }),
  }
  return { ...Object.fromEntries(passed), ...own } as Record<string, string>
}

/** A flag of open(2) that the runtime does not name. */
const O_CLOEXEC = 0o2000000

/**
 * Drops what a child would inherit: open files other than the three standard ones and, where the runtime can
 * call C, the keys of the session (session-keyring(7)).
 */
function leaveFilesAndKeys(): void {
  for (const fd of readdirSync('/proc/self/fd').map(Number)) {
    const flags = fd > 2 ? attempt(() => descriptorFlags(fd)) : undefined
    if (flags !== undefined && (flags & O_CLOEXEC) === 0) closeSync(fd)
  }
  loadSystem()?.leaveSessionKeys()
}
