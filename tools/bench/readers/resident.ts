import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Reader } from './reader.ts'

/**
 * A process that lasts; it answers each message by a byte with a bit for each of `names`.
 * It knows the files that messages carry by those of `signsFile`: a line each, `has` or `is` and
 * the bytes in hexadecimal. `more` goes to its environment.
 */
export function resident(
  [program, ...args]: readonly string[],
  names: readonly string[],
  signsFile: string,
  more: Readonly<Record<string, string>> = {},
): Reader {
  let child: ChildProcess | undefined
  const start = () => {
    const env = { ...process.env, ...more, SIGNS: signsFile }
    const started = spawn(program!, args, { env, stdio: ['pipe', 'pipe', 'ignore'] })
    started.stdin!.on('error', () => {})
    return started
  }
  const stop = async () => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
  }
  return {
    names,
    async ask(message) {
      if (!child || child.exitCode !== null || child.signalCode !== null) child = start()
      const length = Buffer.alloc(4)
      length.writeUInt32BE(message.length)
      const asked = child
      const answer = new Promise<number>((resolve) => {
        const end = (value: number) => {
          clearTimeout(timer)
          asked.stdout!.removeAllListeners('data')
          asked.removeListener('exit', none)
          resolve(value)
        }
        const none = () => end(0) // it fell over this message: it opens nothing
        // One that loops over a message is started again.
        const timer = setTimeout(() => asked.kill('SIGKILL'), 20_000)
        asked.stdout!.once('data', (bytes: Buffer) => end(bytes[0]!))
        asked.once('exit', none)
      })
      asked.stdin!.write(Buffer.concat([length, message]))
      const bits = await answer
      return names.filter((_, at) => bits & (1 << at))
    },
    stop,
  }
}
