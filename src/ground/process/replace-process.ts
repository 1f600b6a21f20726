import type { spawn as Spawn } from 'node:child_process'
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { Fault } from '../errors/fault.ts'

/** A file, and the offset at which the next program begins to read it. */
export interface ProgramInput {
  readonly fd: number
  readonly offset: number
}

export interface NextProgram {
  readonly program: string
  readonly args: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  /** The program's descriptors 0 and 1; undefined if it inherits ours, untouched. */
  readonly inputs: readonly [ProgramInput, ProgramInput] | undefined
}

type Execve = (
  file: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
) => never

/**
 * Becomes the next program. With execve() (Node 22.15 on) this does not return. Otherwise it starts
 * the program, passes signals on to it, waits for it and returns its exit code; if a signal ended
 * the program, the same signal ends this process. No asynchronous file operation may be in flight:
 * it could take the descriptor that is freed here.
 */
export async function replaceProcess(next: NextProgram): Promise<number> {
  const { execve } = process as unknown as { execve?: Execve }
  const spawn = execve ? undefined : (await import('node:child_process')).spawn
  if (next.inputs) {
    putAt(0, next.inputs[0])
    putAt(1, next.inputs[1])
  }
  if (spawn) return spawnAndWait(spawn, next)
  return execve!.call(process, next.program, [next.program, ...next.args], next.environment)
}

/**
 * Opens a file again at exactly this descriptor, with an offset of its own. open(2) takes the
 * lowest free number, which is the one that was just closed. This is checked: a wrong number would
 * queue the wrong bytes.
 */
function putAt(fd: 0 | 1, { fd: source, offset }: ProgramInput): void {
  const wanted = fstatSync(source)
  closeSync(fd)
  const opened = openSync(`/proc/self/fd/${source}`, 'r')
  const got = fstatSync(opened)
  if (opened !== fd || got.dev !== wanted.dev || got.ino !== wanted.ino) {
    throw new Fault('write', `fd ${fd} could not be put in place`)
  }
  // Neither runtime has lseek(2); reading moves the offset as well.
  const skipped = Buffer.allocUnsafeSlow(Math.min(offset, 1024 * 1024))
  for (let at = 0; at < offset; ) {
    const length = readSync(fd, skipped, 0, Math.min(skipped.length, offset - at), null)
    if (length === 0) throw new Fault('write', `fd ${fd}: the spool file ended early`)
    at += length
  }
}

const PASSED_ON: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGALRM', 'SIGUSR2']

function spawnAndWait(
  spawn: typeof Spawn,
  { program, args, environment }: NextProgram,
): Promise<number> {
  return new Promise((resolve, reject) => {
    // Handlers come first: a signal that arrived after the start and before them would kill us.
    const passOn = (signal: NodeJS.Signals) => child.kill(signal)
    for (const signal of PASSED_ON) process.on(signal, passOn)
    const child = spawn(program, args, { stdio: [0, 1, 2], env: environment, argv0: program })
    child.once('error', (error) => {
      reject(new Fault('chain', `next program ${program}: ${error.message}`, error))
    })
    child.once('exit', (code, signal) => {
      for (const signal of PASSED_ON) process.off(signal, passOn)
      if (code !== null) resolve(code)
      else process.kill(process.pid, signal!) // the caller must see a crash as a crash
    })
  })
}
