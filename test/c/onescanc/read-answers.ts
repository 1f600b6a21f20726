import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { sanitized, strict } from '../../../packaging/builds/compile-c.mjs'
import { uint32 } from '../../../src/scanner/protocol/frames.ts'
import { source } from './client.ts'

const here = import.meta.dirname

/** What the parser of onescanc made of an answer: read-answers.c. */
export type Reading =
  | { readonly kind: 'standalone'; readonly why: string }
  | {
      readonly kind: 'a' | 'x'
      /** Where the body begins, or the exit code. */
      readonly number: number
      readonly header: string
      readonly envelope: string
      readonly reply: string
      /** All lines for the log, with their ends. */
      readonly lines: string
    }

/**
 * Compiles the parser, with sanitizers, into a directory. Returns what reads answers about a
 * message, all in one process; each is all that onescand sends until it hangs up.
 */
export function answerParser(directory: string, message: string) {
  const program = join(directory, 'read-answers')
  const parts = ['answer', 'envelope', 'ends', 'fail', 'log', 'memory', 'spool']
  const shared = ['common', 'log-place'].map((name) => join(source, `../${name}.c`))
  const own = parts.map((name) => join(source, `${name}.c`))
  const files = [join(here, 'read-answers.c'), ...own, ...shared]
  execFileSync('cc', [...strict, ...sanitized, '-DVERSION="0"', '-o', program, ...files])
  const framed = (bytes: Buffer) => [uint32(bytes.length), bytes]
  return (answers: readonly Buffer[]): Reading[] => {
    const input = Buffer.concat([Buffer.from(message), ...answers].flatMap(framed))
    const out = execFileSync(program, { input, encoding: 'latin1', maxBuffer: 2 ** 30 })
    return out.trimEnd().split('\n').map(readingOf)
  }
}

function readingOf(line: string): Reading {
  const [kind, number, ...texts] = line.split(' ')
  if (kind === 'standalone') return { kind, why: line.slice('standalone '.length) }
  if (kind !== 'a' && kind !== 'x') throw new Error(`read-answers: ${line}`)
  const [header, envelope, reply, lines] = texts.map((text) =>
    Buffer.from(text.slice(0, -1), 'hex').toString('latin1'),
  )
  return { kind, number: Number(number), header: header!, envelope: envelope!, reply: reply!, lines: lines! } // biome-ignore format: a line
}
