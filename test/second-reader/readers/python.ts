import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { python } from '../../programs/python.ts'

/** What a program that reads mail makes of a message. */
export interface Reading {
  /** Values of all its X-QHPSI fields. */
  readonly qhpsi: readonly string[]
  /** Whether it comes upon the test virus in some part. */
  readonly opened: boolean
  /** Why it could not read it. */
  readonly trouble?: string
}

/** Python's email, and stamps by an implementation that shares no line with the program. */
export interface PythonReading {
  readonly compat32: Reading
  readonly default: Reading
  readonly stamps: Stamps
}

/** Whether each hmac-sha256 stamp holds, from the top; null for mail that none can hold for. */
export type Stamps = readonly boolean[] | null

export interface Python {
  read(message: Buffer): Promise<PythonReading>
  /** The stamps alone, which large mail can afford. */
  stamps(message: Buffer): Promise<Stamps>
  stop(): Promise<void>
}

/** A long-lived Python that reads one message after the other; `keys` from ids to base64url secrets. */
export function startPython(virus: string, keys: Readonly<Record<string, string>>): Python {
  const script = join(import.meta.dirname, 'reader.py')
  const words = [script, Buffer.from(virus).toString('hex'), JSON.stringify(keys)]
  const child = spawn(python, words, { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = once(child, 'exit')
  const waiting: { resolve(reading: PythonReading): void; reject(error: Error): void }[] = []
  createInterface({ input: child.stdout }).on('line', (line) => {
    waiting.shift()?.resolve(JSON.parse(line))
  })
  child.stdin.on('error', () => {}) // told by its exit
  child.once('exit', (code) => {
    for (const { reject } of waiting.splice(0)) reject(new Error(`python3 ended with ${code}`))
  })
  const ask = (letter: 'A' | 'S', message: Buffer): Promise<PythonReading> =>
    new Promise((resolve, reject) => {
      if (child.exitCode !== null) return reject(new Error('python3 has ended'))
      waiting.push({ resolve, reject })
      const head = Buffer.from(`${letter}\0\0\0\0`)
      head.writeUInt32BE(message.length, 1)
      child.stdin.write(head)
      child.stdin.write(message)
    })
  return {
    read: (message) => ask('A', message),
    stamps: async (message) => (await ask('S', message)).stamps,
    async stop() {
      child.stdin.end()
      await ended
    },
  }
}
