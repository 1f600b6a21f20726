// `npm run bench:readers -- --hostile`: what a second look takes of mail that is made to be
// looked at for long. One process a message, started as onescand's launcher starts it.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { newestNode } from '../../../packaging/toolchain/toolchain.mjs'
import { Bytes } from '../../../src/mail/message/bytes.ts'
import { openAnonymousFile } from '../../../src/mail/message/spool.ts'
import { contentsOf } from '../../../src/mail/mime/contents.ts'
import { hostileShapes } from '../../../test/messages/hostile/hostile-shapes.ts'

/** Shapes of which each takes long in its own way. */
export const dearest: readonly string[] = [
  'lines of text',
  'lines of base64',
  'a text in mails in base64, ten in one another',
  'base64 with junk behind each character',
  'mails of a mailbox',
  'begin lines',
  'fields in the text',
  'escapes that are none',
  'parts in base64 of one byte',
  'lines that are nearly the delimiter',
  'beginnings of yEnc',
]

const COMPILE_CACHE = join(import.meta.dirname, '../../../build/compile-cache')

export interface Taken {
  readonly contents: number
  /** Why it was not looked at to the end. */
  readonly over: string | undefined
  /** Milliseconds of the processor. */
  readonly time: number
  /** MB by which the process grew at most, the code that it loaded among them. */
  readonly memory: number
  /** MB that it held at most, without garbage; 0 unless that is collected. */
  readonly held: number
}

/**
 * Looks at a message of that shape, and of this many bytes, in a process of its own. Where garbage is collected every
 * few turns, what is held is measured whatever else the machine does, and time and memory mean nothing.
 */
export function lookAtHostile(name: string, size: number, collect = false): Taken {
  const directory = mkdtempSync(join(tmpdir(), 'onescan-hostile-'))
  try {
    const file = join(directory, 'mail')
    const shape = hostileShapes.find((candidate) => candidate.name === name)!
    writeFileSync(file, shape.make(size), 'latin1')
    const flags = ['--max-semi-space-size=2', ...(collect ? ['--expose-gc'] : [])]
    const words = [...flags, import.meta.filename, file]
    const env = {
      ...process.env,
      MALLOC_ARENA_MAX: '2',
      NODE_OPTIONS: '',
      NODE_COMPILE_CACHE: COMPILE_CACHE, // else to strip types takes most of the time
    }
    return JSON.parse(execFileSync(newestNode, words, { env, encoding: 'utf8' }))
  } finally {
    rmSync(directory, { recursive: true })
  }
}

/** Turns from one collection of garbage to the next, which takes longer than they do. */
const COLLECT_EVERY = 4

/** MB. */
function heldMemory(): number {
  if (globalThis.gc === undefined) return 0
  globalThis.gc()
  const { heapUsed, external } = process.memoryUsage()
  return (heapUsed + external) / 1e6
}

/** MB, resident. */
function mostMemory(): number {
  return (
    Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1]) / 1024
  )
}

async function look(file: string): Promise<Taken> {
  const message = readFileSync(file)
  writeFileSync('/proc/self/clear_refs', '5') // proc(5): forget the peak so far
  const before = mostMemory()
  const started = process.cpuUsage()
  let contents = 0
  let over: string | undefined
  const heldBefore = heldMemory()
  let held = 0
  let turns = 0
  const openFile = () => openAnonymousFile(tmpdir())
  const source = Bytes.of(message) // one buffer, as a mapped spool file is
  for (const step of contentsOf(source, { openFile, createHash })) {
    if (step.kind === 'unread') over = step.reason
    else if (step.kind === 'turn') {
      await new Promise((resolve) => setImmediate(resolve))
      if (turns++ % COLLECT_EVERY === 0) held = Math.max(held, heldMemory() - heldBefore)
    } else if (step.kind === 'content') {
      contents++
      for (const chunk of step.bytes.chunks()) void chunk
    }
  }
  const { user, system } = process.cpuUsage(started)
  return { contents, over, time: (user + system) / 1000, memory: mostMemory() - before, held }
}

if (process.argv[1] === import.meta.filename) {
  console.log(JSON.stringify(await look(process.argv[2]!)))
}
