import { type ChildProcess, spawn } from 'node:child_process'
import { errorText } from '../../ground/errors/fault.ts'

/**
 * Runs a program and yields its output. `input`, if there is any, becomes its standard input. If
 * its exit code is not 0, this throws at the end with the last line of its standard error. If it
 * cannot be started, this throws with `advice`. If the caller stops reading, the program is ended.
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
  ended.catch(() => {}) // awaited below
  let trouble = ''
  child.stderr!.on('data', (bytes: Buffer) => {
    trouble = (trouble + bytes.toString('latin1')).slice(0, 2000)
  })
  child.stdin?.on('error', () => {}) // the program reads no more; its exit code tells why
  if (input !== undefined) void feed(child.stdin!, input).catch(() => child.kill())
  try {
    for await (const chunk of child.stdout!) yield chunk as Buffer
    const code = await ended
    if (code !== 0) throw new Error(lastLine(trouble) || `${program} ended with ${code}`)
  } finally {
    child.kill()
  }
}

/** Returns the last line, which says why the program gave up; hints may precede it. */
function lastLine(text: string): string {
  return text.trim().split('\n').at(-1)!.slice(0, 200)
}

async function exitCodeOf(child: ChildProcess, advice: string): Promise<number | null> {
  return await new Promise((resolve, reject) => {
    child.once('close', resolve)
    child.once('error', (error) => reject(new Error(`${errorText(error)}; ${advice}`)))
  })
}

/** Writes all of the input as fast as the stream takes it, and ends the stream. */
export async function feed(
  into: NodeJS.WritableStream,
  input: AsyncIterable<Buffer>,
): Promise<void> {
  for await (const chunk of input) {
    if (!into.write(chunk)) await waitForRoom(into)
  }
  into.end()
}

/** Resolves when the stream takes more, or is closed. */
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
