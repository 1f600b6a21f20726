import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { oldestNode } from '../../../packaging/toolchain/toolchain.mjs'
import { reachable } from '../../programs/host/reachable.ts'

const root = resolve(import.meta.dirname, '../../..')
/** The program that node runs. */
export const bundle = join(root, 'dist/onescan.cjs')

export { oldestNode }

/** The launcher, which finds node in PATH. */
export const launcher: string = join(root, 'bin/onescan')

const compiled = join(root, 'build/native/onescan')

/** Compiled, where it is built, a command takes half of the time that it takes on Node. */
const quickest = existsSync(compiled) ? [compiled] : [process.execPath, bundle]

/** A script of sh that is `onescan`, for every user. */
export const commandScript = (): string =>
  `#!/bin/sh\nexec ${quickest.map(reachable).join(' ')} "$@"\n`

/** The slot program of the same package. */
export const slotProgram: string = join(root, 'bin/onescan-queue')

/** PATH in which the launchers find the Node that runs the tests. */
export const searchPath: string = `${dirname(process.execPath)}:${process.env.PATH}`

export interface Run {
  readonly code: number | null
  readonly out: string
  /** The bytes of `out`. */
  readonly bytes: Buffer
  readonly err: string
}

export interface RunOptions {
  /** Variables besides PATH. No others are inherited. */
  readonly env?: Record<string, string>
  readonly input?: string | Buffer
  /** The Node that runs the bundle. */
  readonly runtime?: string
  /** Words before the command, as those of nsenter(1). */
  readonly around?: readonly string[]
  /** Whether root runs it, if these tests run as root. */
  readonly root?: boolean
}

/** The number of an account that owns nothing. The machine need not know it. */
export const PLAIN = 54_320

/** Commands that root has an account do. The tests of most of them are about any account. */
const FOR_ACCOUNTS = /^(check|inject|log|policy|quarantine|quota|report|scan|verify)$/

/** The words that start a program as that account, if these tests run as root. */
export const asPlain = (): readonly string[] =>
  process.getuid!() === 0
    ? ['/usr/bin/setpriv', `--reuid=${PLAIN}`, `--regid=${PLAIN}`, '--clear-groups', '--']
    : []

/** Gives a directory of a test to that account, with all that is in it. */
export function ofPlain(directory: string): string {
  if (process.getuid!() === 0) execFileSync('chown', ['-Rh', `${PLAIN}:${PLAIN}`, directory])
  return directory
}

/** Runs the built command line to its end: as root only what root does itself, unless `root` is set. */
export async function onescan(words: readonly string[], options: RunOptions = {}): Promise<Run> {
  const { env = {}, input = '', runtime, around = [], root = false } = options
  const isPlain = !root && FOR_ACCOUNTS.test(words[0] ?? '')
  const own = (runtime === undefined ? quickest : [runtime, bundle]).map(reachable)
  const [program, ...args] = [...around, ...(isPlain ? asPlain() : []), ...own]
  const child = spawn(program!, [...args, ...words], { env: { PATH: searchPath, ...env } })
  const out: Buffer[] = []
  const err: Buffer[] = []
  child.stdout.on('data', (bytes: Buffer) => out.push(bytes))
  child.stderr.on('data', (bytes: Buffer) => err.push(bytes))
  child.stdin.on('error', () => {}) // a command that needs no input may have ended
  child.stdin.end(input)
  const [code] = await once(child, 'close')
  const bytes = Buffer.concat(out)
  return { code, out: bytes.toString('latin1'), bytes, err: Buffer.concat(err).toString() }
}

/** What a command prints with --json: onescan(1), OPTIONS. Of `scan`, each result is a line of its own. */
export interface Json<Result> {
  readonly command: string | null
  readonly version: string
  readonly results: readonly Result[]
  readonly errors: readonly string[]
  readonly sum: Readonly<Record<string, number>>
  readonly exit: number
  readonly ok: boolean
}

// biome-ignore lint/suspicious/noExplicitAny: each command has results of its own
export function jsonIn<Result = any>(out: string): Json<Result> {
  if (/^[^\n]*"results":\[/.test(out)) return JSON.parse(out)
  const lines = out.trimEnd().split('\n')
  const results = lines.slice(0, -1).map((line) => JSON.parse(line))
  return { results, ...JSON.parse(lines.at(-1)!) }
}
