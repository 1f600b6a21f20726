import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { lacks } from '../needs.mjs'

const here = dirname(fileURLToPath(import.meta.url))
const cSource = join(here, 'qmail-queue.c')
const compiled = join(here, '../../build/stand-in/qmail-queue')

/** The stand-in in JavaScript: runs wherever Node does, some 40 ms a call. */
export const scriptQueue: string = join(here, 'qmail-queue.mjs')

/** The stand-in in C, compiled where it is older than its source; undefined without a C compiler. */
export function compiledQueue(): string | undefined {
  if (existsSync(compiled) && statSync(compiled).mtimeMs > statSync(cSource).mtimeMs) {
    return compiled
  }
  if (lacks('C compiler')) return undefined
  mkdirSync(dirname(compiled), { recursive: true })
  const fresh = `${compiled}.${process.pid}` // tests run side by side
  execFileSync('cc', ['-O2', '-o', fresh, cSource], { stdio: ['ignore', 'ignore', 'pipe'] })
  renameSync(fresh, compiled)
  return compiled
}

/** Absolute path of a stand-in qmail-queue: the fastest that this host has. */
export function standInQueue(): string {
  return compiledQueue() ?? scriptQueue
}

/** An empty Maildir as the stand-in wants it, in a directory of its own; `remove` takes it away. */
export function makeMaildir(parent: string = tmpdir()): { path: string; remove(): void } {
  const path = mkdtempSync(join(parent, 'onescan-maildir-'))
  for (const part of ['tmp', 'new', 'cur', 'envelopes']) mkdirSync(join(path, part))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}

/** One message as the stand-in took it. */
export interface Delivery {
  readonly name: string
  /** Exactly the bytes on fd 0, without the Received line that the stand-in put on top. */
  readonly message: Buffer
  /** That line with its end. */
  readonly received: Buffer
  /** The bytes on fd 1 up to the last NUL. */
  readonly envelope: Buffer
  readonly sender: string
  readonly recipients: readonly string[]
}

/** What was delivered, oldest first; addresses have one character for each byte. */
export function deliveries(maildir: string): Delivery[] {
  return readdirSync(join(maildir, 'new'))
    .sort()
    .map((name) => {
      const stored = readFileSync(join(maildir, 'new', name))
      const received = stored.subarray(0, stored.indexOf('\n') + 1)
      const envelope = readFileSync(join(maildir, 'envelopes', name))
      const [sender, ...recipients] = envelope
        .subarray(0, -2)
        .toString('latin1')
        .split('\0')
        .map((part) => part.slice(1))
      return {
        name,
        message: stored.subarray(received.length),
        received,
        envelope,
        sender: sender ?? '',
        recipients,
      }
    })
}

/** Files in any part of the Maildir: what a refused message must leave unchanged. */
export function leftBehind(maildir: string): string[] {
  return ['tmp', 'new', 'cur', 'envelopes'].flatMap((part) =>
    readdirSync(join(maildir, part)).map((name) => join(part, name)),
  )
}

/** A call as STANDIN_RECORD noted it. */
export interface RecordedCall {
  readonly pid: number
  readonly uid: number
  readonly directory: string
  readonly arguments: readonly string[]
  readonly environment: Readonly<Record<string, string>>
}

export function recordedCalls(file: string): RecordedCall[] {
  if (!existsSync(file)) return []
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
}
