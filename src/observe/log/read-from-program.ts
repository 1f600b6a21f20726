import { type ChildProcess, spawn } from 'node:child_process'
import { errorText } from '../../ground/errors/fault.ts'

/**
 * What a program prints, given `input` on its standard input. Throws after that with the first line
 * of what it wrote to standard error if its exit code is not 0; `advice` is said if it cannot be
 * started. It is ended when no more is asked for.
 */
export async function* readFromProgram(
  [program, ...words]: readonly [string, ...string[]],
  advice: string,
  input: AsyncIterable<Buffer> | undefined,
): AsyncGenerator<Buffer> {
  const child = spawn(program, words, {
    stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  })
  const ended = exitCodeOf(child, advice)
  ended.catch(() => {}) // told below
  let trouble = ''
  child.stderr!.on('data', (bytes: Buffer) => {
    trouble = (trouble + bytes.toString('latin1')).slice(0, 2000)
  })
  child.stdin?.on('error', () => {}) // it has seen enough, and says why
  if (input !== undefined) void feed(child.stdin!, input).catch(() => child.kill())
  try {
    for await (const chunk of child.stdout!) yield chunk as Buffer
    const code = await ended
    if (code !== 0) throw new Error(lastLine(trouble) || `${program} ended with ${code}`)
  } finally {
    child.kill()
  }
}

/** Why it gave up; hints may stand before it. */
function lastLine(text: string): string {
  return text.trim().split('\n').at(-1)!.slice(0, 200)
}

async function exitCodeOf(child: ChildProcess, advice: string): Promise<number | null> {
  return await new Promise((resolve, reject) => {
    child.once('close', resolve)
    child.once('error', (error) => reject(new Error(`${errorText(error)}; ${advice}`)))
  })
}

/** Writes all of it as fast as the program takes it, and then the end. */
export async function feed(
  into: NodeJS.WritableStream,
  input: AsyncIterable<Buffer>,
): Promise<void> {
  for await (const chunk of input) {
    if (!into.write(chunk)) await waitForRoom(into)
  }
  into.end()
}

/** Resolves when it takes more, or will never take anything again. */
function waitForRoom(stream: NodeJS.WritableStream): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      stream.off('drain', done)
      stream.off('close', done)
      resolve()
    }
    stream.on('drain', done)
    stream.on('close', done)
  })
}
