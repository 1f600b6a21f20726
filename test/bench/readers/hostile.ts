// `npm run bench:readers -- --hostile`: what a second look takes of mail that is made to be
// looked at for long. One process a mail, started as onescand's launcher starts it.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { newestNode } from '../../../packaging/toolchain/toolchain.mjs'
import { openAnonymousFile } from '../../../src/mail/message/spool.ts'
import { contentsOf } from '../../../src/mail/mime/contents.ts'
import { ReadBy } from '../../mail/message/bytes.ts'

/** Bodies of about so many bytes. */
export const hostileKinds: Readonly<Record<string, (size: number) => string>> = {
  'plain text': repeated((n) => `some line of text number ${n} that says nothing at all\n`),
  'an attachment': (size) => `${BASE64_PART}${repeated(line64)(size)}`,
  'base64 in base64': (size) => encoded(DEPTH, size),
  'odd base64': (size) => `${BASE64_PART}${repeated(oddLine64)(size)}`,
  'a mailbox': (size) => `${FILE_PART}${repeated((n) => `From a\n\nmail ${n}\n\n`)(size)}`,
  'begin lines': repeated((n) => `begin 644 a${n}\n#86)C\n`),
  'fields in text': repeated((n) => `Content-Type: text/plain; n=${n}\n\nx\n`),
  'odd escapes': (size) => `${ESCAPES_PART}${repeated(oddEscapes)(size)}`,
  'parts without end': repeated((n) => `${BASE64_PART}QUJDREVGR0hJSktM${1_000_000 + n}\n`),
  'lines of dashes': repeated((n) => `--${n}\n`),
  'yEnc without end': repeated((n) => `=ybegin line=128 size=3 name=${n}\nabc\n=yend\n`),
}

const BASE64 = 'Content-Type: application/zip\nContent-Transfer-Encoding: base64'
const BASE64_PART = `--b\n${BASE64}\n\n`
const FILE_PART = '--b\nContent-Type: application/mbox\n\n'
const ESCAPES_PART = '--b\nContent-Transfer-Encoding: quoted-printable\n\n'
const HEADER = 'Subject: x\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n'

const COMPILE_CACHE = join(import.meta.dirname, '../../../build/compile-cache')

/** Mails in one another. */
const DEPTH = 10

function repeated(make: (n: number) => string): (size: number) => string {
  return (size) => {
    const pieces: string[] = []
    for (let n = 0, length = 0; length < size; n++) {
      pieces.push(make(n))
      length += pieces.at(-1)!.length
    }
    return pieces.join('')
  }
}

function oddEscapes(n: number): string {
  return `a=${n % 2 ? '4' : 'Z'} b=\nq=3D =4x\n`
}

function oddLine64(n: number): string {
  return `${line64(n).slice(0, 60)}=!-\n`
}

function line64(n: number): string {
  return `${createHash('sha512').update(String(n)).digest('base64').slice(0, 76)}\n`
}

/** Mail in base64 within mail in base64, so deep. */
function encoded(depth: number, size: number): string {
  if (depth === 0) return repeated((n) => `text ${n}\n`)(size)
  const mail = Buffer.from(`${HEADER}${encoded(depth - 1, (size * 3) / 4)}`)
  return `${BASE64_PART}${mail.toString('base64').replace(/.{76}/g, '$&\n')}\n`
}

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
 * Looks at a mail of so many bytes in a process of its own. Where garbage is collected every
 * few turns, what is held is told whatever else the machine does, and time and memory mean nothing.
 */
export function lookAtHostile(kind: string, size: number, collect = false): Taken {
  const directory = mkdtempSync(join(tmpdir(), 'onescan-hostile-'))
  try {
    const file = join(directory, 'mail')
    writeFileSync(file, `${HEADER}${hostileKinds[kind]!(size)}`)
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

/** As onescand reads it: into the same memory each time. */
function* chunksOf(message: Buffer, from = 0, to = message.length): Generator<Buffer> {
  const room = Buffer.allocUnsafe(Math.min(64 * 1024, to - from))
  for (let at = from; at < to; at += room.length) {
    yield room.subarray(0, message.copy(room, 0, at, Math.min(to, at + room.length)))
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
  const source = new ReadBy(message.length, (from, to) => chunksOf(message, from, to))
  for (const step of contentsOf(source, { openFile, createHash })) {
    if (step.kind === 'over') over = step.why
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
