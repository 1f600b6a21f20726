import { type ChildProcess, spawn } from 'node:child_process'
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { newestNode, oldestNode } from '../../../packaging/toolchain/toolchain.mjs'
import { attempt } from '../../../src/base/errors/fault.ts'
import type { Ending } from '../../programs/host/server.ts'
import { isWhole } from '../../run/is-whole.ts'
import { exitOf, until } from '../../run/until.ts'
import { ask, carryOut, type Outcome, type Question } from '../doors/slot/socket/client.ts'

const root = join(import.meta.dirname, '../../..')
const bundle = join(root, 'dist/onescand.cjs')

export const launcher = join(root, 'bin/onescand')
const compiled = join(root, 'build/native/onescand')

/** The bundle on the newest Node and on the oldest, and compiled, where it is built. */
export const builds: readonly { readonly name: string; readonly program: readonly string[] }[] = [
  { name: 'on the newest Node', program: [newestNode, bundle] },
  { name: 'on the oldest Node', program: [oldestNode, bundle] },
  ...(existsSync(compiled) ? [{ name: 'compiled', program: [compiled] }] : []),
]

export const newest = builds[0]!.program

/**
 * The build that tests of one behaviour use: the compiled one where it is built, which is what the
 * Debian package installs, and starts in a third of the time of the others.
 */
export const quickest = builds.at(builds.length > 2 ? -1 : 0)!.program

/** The builds for tests of what differs between them. `npm test` tries one; builds.test.ts each. */
export const runtimes = isWhole ? builds : builds.slice(-1)

export interface DaemonSetup {
  readonly program?: readonly string[]
  readonly args?: readonly string[]
  readonly settings?: Readonly<Record<string, string>>
  /** The path of its socket; by default one of its own. */
  readonly socket?: string
  /** The descriptor that it gets as descriptor 3. */
  readonly fd?: number
  /** The user that it runs as, with a group of the same number; for tests that root runs. */
  readonly uid?: number
}

export interface RunningDaemon {
  readonly child: ChildProcess
  readonly pid: number
  readonly socket: string
  readonly directory: string
  readonly log: readonly string[]
  /** The exit code, or the signal that ended the process: `log` has all that it has logged then. */
  readonly ended: Promise<number | string>
  /** Resolves when a line that matches is, or was, logged. */
  logged(line: RegExp): Promise<void>
  ask(question?: Question): Promise<Outcome>
  /** Kills onescand and its workers, as a power cut does. */
  kill(): void
}

/** The process ids of the children of a process. */
export function childrenOf(pid: number): number[] {
  const list = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1')
  return list.split(' ').filter(Boolean).map(Number)
}

/**
 * Whether a process is gone, or all its threads have ended: until then one of them may hold its sockets open. A zombie has
 * closed them, while /proc/PID/fd is empty before they are closed.
 */
export function hasEnded(pid: number): boolean {
  const threads = attempt(() => readdirSync(`/proc/${pid}/task`)) ?? []
  return threads.every((thread) => {
    const status = attempt(() => readFileSync(`/proc/${pid}/task/${thread}/stat`, 'latin1'))
    return status === undefined || /\) [ZX] /.test(status)
  })
}

/** Starts the built onescand, which ends with the test. Resolves when it serves. */
export async function startOnescand(t: Ending, setup: DaemonSetup = {}): Promise<RunningDaemon> {
  const onescand = runOnescand(t, setup)
  await onescand.logged(/serving/)
  return onescand
}

/** Runs the built onescand, which may end, or have much to do before it serves. */
export function runOnescand(t: Ending, setup: DaemonSetup = {}): RunningDaemon {
  const directory = mkdtempSync(join(tmpdir(), 'onescand-'))
  const socket = setup.socket ?? join(directory, 's')
  const [program, ...words] = setup.program ?? quickest
  const args = [...words, '--socket', socket, '--workers', '1', ...(setup.args ?? [])]
  const { uid } = setup
  if (uid !== undefined) chownSync(directory, uid, uid)
  const child = spawn(program!, args, {
    ...(uid !== undefined && { uid, gid: uid }),
    stdio: ['ignore', 'ignore', 'pipe', setup.fd ?? 'ignore'],
    env: {
      PATH: process.env.PATH,
      CONTROLDIR: '/nonexistent',
      TMPDIR: directory,
      ...setup.settings,
    },
  })
  const ended = exitOf(child)
  const log: string[] = []
  const lines = createInterface({ input: child.stderr! })
  lines.on('line', (line) => log.push(line))
  let workers: readonly number[] = []
  const kill = () => {
    const isOver = child.exitCode !== null || child.signalCode !== null
    child.kill('SIGSTOP') // so that it starts none while they are listed
    if (!isOver) workers = childrenOf(child.pid!)
    child.kill('SIGKILL') // first, so that it replaces none
    for (const worker of workers) {
      try {
        process.kill(worker, 'SIGKILL')
      } catch {
        // It has ended by itself.
      }
    }
  }
  t.teardown(async () => {
    kill()
    await ended
    await until(() => workers.every(hasEnded), 'its workers end') // the next one may listen at the same socket
    rmSync(directory, { recursive: true, force: true })
  })
  return {
    child,
    kill,
    pid: child.pid!,
    socket,
    directory,
    log,
    ended,
    logged(wanted) {
      if (log.some((line) => wanted.test(line))) return Promise.resolve()
      return new Promise((resolve, reject) => {
        lines.on('line', (line) => wanted.test(line) && resolve())
        ended.then((how) => reject(new Error(`ended with ${how}: ${log.join('\n')}`)))
      })
    },
    async ask(question = {}) {
      return carryOut(await ask(socket, question), question)
    },
  }
}
