import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import type { Ending } from '../../programs/host/server.ts'
import { isWhole } from '../../run/is-whole.ts'
import { quickest } from '../../scanner/doors/slot/slot.ts'
import { standInQueue } from '../../stand-in/stand-in.ts'
import { build, missing } from '../built-in-c.ts'

export { missing }

const root = join(import.meta.dirname, '../../..')

/** The directory of its files in C. */
export const source = join(root, 'src/c/onescanc')

/** onescanc as it is installed. */
export const onescanc = missing ? '' : build('onescanc', source)

/** A build of onescanc that ends with a report on fd 2 at undefined behaviour. */
export const sanitized = missing ? '' : build('onescanc-sanitized', source, '--sanitized')

const builds: readonly { readonly name: string; readonly program: readonly string[] }[] = [
  { name: 'onescanc under sanitizers', program: [sanitized] },
  { name: 'onescanc', program: [onescanc] },
]

/** Those that tests try: the one that notices most, and with `npm run test:nightly` both. */
export const clients = isWhole ? builds : builds.slice(0, 1)

/** The path of a copy of a client beside a standalone program, which it becomes when it goes standalone. */
export function beside(standalone: string, client = onescanc): string {
  const path = join(dirname(standalone), basename(client))
  if (!existsSync(path)) copyFileSync(client, path)
  return path
}

/** The clients that tests try, beside a standalone program. */
export function clientsBeside(standalone: string): typeof clients {
  return clients.map(({ name, program }) => ({ name, program: [beside(standalone, program[0]!)] }))
}

/** Standalone programs, each in a directory of its own within one that goes with the test. */
export interface StandalonePrograms {
  readonly directory: string
  /** The compiled one where it is built, which the Debian package has beside onescanc. */
  readonly queue: string
  /** Reports on fd 2 that it was called and how, and passes the mail on as it came. */
  readonly teller: string
  /** Makes another one of the lines of a shell script: its path. */
  make(name: string, lines: string): string
}

/** The files with the locks of standalone programs of this account, for each name that they may have. */
export function lockFiles(program: string): string[] {
  const hash = [...Buffer.from(program)].reduce(
    (hash, byte) => BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n),
    0xcbf29ce484222325n,
  )
  const name = `onescan-standalone-${process.getuid!()}-${hash.toString(16).padStart(16, '0')}`
  return Array.from({ length: 16 }, (_, number) => `/dev/shm/${name}.${number}`)
}

/** The name by which a client finds its standalone program. */
const STANDALONE = 'onescan-queue'

/** Makes a standalone program of the lines of a shell script in a new directory: its path. */
export function makeStandalone(directory: string, lines: string): string {
  mkdirSync(directory)
  const path = join(directory, STANDALONE)
  writeFileSync(path, `#!/bin/sh\n${lines}\n`, { mode: 0o755 })
  return path
}

export function standalonePrograms(t: Ending): StandalonePrograms {
  const directory = mkdtempSync(join(tmpdir(), 'onescan-standalone-'))
  t.teardown(() => {
    const programs = readdirSync(directory).map((name) => join(directory, name, STANDALONE))
    const files = programs.flatMap(lockFiles)
    for (const file of files) rmSync(file, { force: true })
    rmSync(directory, { recursive: true, force: true })
  })
  const make = (name: string, lines: string) => makeStandalone(join(directory, name), lines)
  return {
    directory,
    queue: make('queue', `exec '${quickest.join("' '")}' "$@"`),
    teller: make('teller', `echo "STANDALONE [$SCANTIMEOUT] [$*]" >&2; exec '${standInQueue()}'`),
    make,
  }
}
