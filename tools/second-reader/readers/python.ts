import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { python } from '../../../test/programs/host/python.ts'
import type { Ending } from '../../../test/programs/host/server.ts'
import type { Fields } from './lines.ts'

export interface Python {
  /** As its email reads the message, by two policies. */
  read(message: Buffer): Promise<Fields>
}

/** A long-lived Python that reads one message after the other. */
export function startPython(t: Ending): Python {
  const script = join(import.meta.dirname, 'reader.py')
  const child = spawn(python, [script], { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = once(child, 'exit')
  const waiting: { resolve(fields: Fields): void; reject(error: Error): void }[] = []
  createInterface({ input: child.stdout }).on('line', (line) => {
    waiting.shift()?.resolve(JSON.parse(line))
  })
  child.stdin.on('error', () => {}) // reported by its exit
  child.once('exit', (code) => {
    for (const { reject } of waiting.splice(0)) reject(new Error(`python3 ended with ${code}`))
  })
  t.teardown(() => {
    child.stdin.end()
    return ended
  })
  return {
    read: (message) =>
      new Promise((resolve, reject) => {
        if (child.exitCode !== null) return reject(new Error('python3 has ended'))
        waiting.push({ resolve, reject })
        const length = Buffer.alloc(4)
        length.writeUInt32BE(message.length)
        child.stdin.write(Buffer.concat([length, message]))
      }),
  }
}
