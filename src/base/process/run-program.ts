import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Readable } from 'node:stream'

/** A program that is run once, and what limits it. */
interface ProgramRun {
  /** The program and its arguments; no shell. */
  readonly command: readonly string[]
  /** Its whole environment. */
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly cwd?: string
  /** What it reads from standard input, by default nothing. */
  readonly input?: Buffer | string
  /** Where it complains: in the result, or in the log of this process. */
  readonly complains?: 'inherit'
  /** Open files that are its standard input, output and error: it gets no pipe then, and nothing it prints is returned. */
  readonly files?: readonly [number, number, number]
  /** Whether it has a session of its own, and so cannot type at our terminal (ioctl_tty(2), TIOCSTI). */
  readonly isDetached?: boolean
  /** Milliseconds after which it is killed; undefined: no limit. */
  readonly within: number | undefined
  /** Bytes of standard output, and of standard error, from which on it is killed. */
  readonly most?: number
}

/** How a program ended, and what it printed. */
interface EndedProgram {
  /** Its exit code, or null if a signal ended it. */
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly output: Buffer
  readonly complaint: string
  /** Whether it was killed because it took or printed too much. */
  readonly exceeded?: 'time' | 'output'
}

/** Returns the ending in words, for an error: `exited with code 1`, or `was killed by SIGSEGV`. */
export const endingText = ({ code, signal }: Pick<EndedProgram, 'code' | 'signal'>): string =>
  signal === null ? `exited with code ${code}` : `was killed by ${signal}`

const OUTPUT_MAX = 1024 * 1024

/**
 * Runs a program to its end. What it has left running is not awaited once it was killed. Rejects with the error of the system
 * if the program cannot be started.
 */
export async function runProgram({
  command,
  within,
  ...options
}: ProgramRun): Promise<EndedProgram> {
  const { env, cwd, input = '', complains = 'pipe', files, most = OUTPUT_MAX } = options
  const [program = '', ...args] = command
  const stdio = files ?? (['pipe', 'pipe', complains] as const)
  const child = spawn(program, args, { cwd, env, stdio: [...stdio], detached: options.isDetached })
  const { stdin, stdout, stderr } = child
  let exceeded: EndedProgram['exceeded']
  const end = (limit: 'time' | 'output') => {
    exceeded ??= limit
    child.kill('SIGKILL')
    for (const stream of [stdin, stdout, stderr]) stream?.destroy() // another process may hold them open
  }
  const late = within === undefined ? undefined : setTimeout(() => end('time'), within)
  const collect = (stream: Readable | null) => {
    const pieces: Buffer[] = []
    let size = 0
    stream?.on('data', (piece: Buffer) => {
      size += piece.length
      if (size > most) end('output')
      else pieces.push(piece)
    })
    return pieces
  }
  const [output, complaint] = [collect(stdout), collect(stderr)]
  stdin?.on('error', () => {}).end(input) // it may read nothing
  try {
    const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
    const printed = {
      output: Buffer.concat(output),
      complaint: Buffer.concat(complaint).toString(),
    }
    return { code, signal, ...printed, ...(exceeded && { exceeded }) }
  } finally {
    clearTimeout(late)
  }
}
