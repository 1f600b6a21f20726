import { execFile } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { isFile, type Reader } from './reader.ts'
import { resident } from './resident.ts'

/** Sections of one message that a reader is asked for. */
const SECTIONS_MAX = 60

function output(program: string, args: readonly string[], input: Buffer): Promise<Buffer> {
  return new Promise((resolve) => {
    const options = { encoding: 'buffer', timeout: 20_000, maxBuffer: 2 ** 26 } as const
    const child = execFile(program, args, options, (_, text) => resolve(text))
    child.stdin!.on('error', () => {})
    child.stdin!.end(input)
  })
}

/** Courier's own reading: reformime lists the sections of a message, and decodes one at a time. */
export function reformime(): Reader {
  const run = (args: string[], input: Buffer) => output('reformime', args, input)
  return {
    names: ['reformime'],
    async ask(message) {
      const list = (await run(['-i'], message)).toString('latin1')
      const sections = [...list.matchAll(/^section: ([0-9.]+)$/gm)].map(([, section]) => section!)
      for (const section of sections.reverse().slice(0, SECTIONS_MAX)) {
        if (isFile(await run(['-s', section, '-e'], message))) return ['reformime']
      }
      return []
    },
  }
}

/**
 * Dovecot's IMAP returns the structure of a message, and gives its sections, encoded and decoded
 * (read/dovecot.py). Works for root.
 */
export function dovecot(names: readonly string[], signsFile: string, places: string): Reader {
  const PLACE = join(places, 'dovecot')
  mkdirSync(PLACE)
  const script = join(import.meta.dirname, 'read/dovecot.py')
  return resident(['/usr/bin/python3', '-B', script], names, signsFile, { PLACE })
}
