import { execFile, execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { copyFileSync, existsSync, lstatSync, mkdirSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { PACKAGES } from '../../packaging/packages/package-files.mjs'
import { lacks } from '../needs.mjs'
import { openDirectory } from '../programs/host/reachable.ts'
import type { Ending } from '../programs/host/server.ts'
import type { Debian } from './debian.ts'
import { runLocked } from './run-locked.ts'

const run = promisify(execFile)
const root = join(import.meta.dirname, '../..')

/** What `npm run build:native` makes. */
export const native: string = join(root, 'build/native')

const PROGRAMS = [
  ...['onescan', 'onescan-queue', 'onescand', 'onescanc', 'onescan-runtime'],
  'runtime/onescand',
]

/** Why no package can be built here, or false. */
export const packagingMissing: string | false = lacks(
  ...['the compiled programs', 'the client', 'C compiler', 'git', 'dh_builddeb', 'readelf'],
)

/** Returns the file of another package of the build that made `file`, the package onescan. */
export function packageBeside(file: string, name: string): string {
  const directory = dirname(file)
  const found = readdirSync(directory).find((entry) => entry.startsWith(`${name}_`))
  if (found === undefined) throw new Error(`${directory}: lacks ${name}`)
  return join(directory, found)
}

/** Returns the files of all packages of the build that made `file`. */
export const packagesBeside = (file: string): string[] =>
  PACKAGES.map((name) => packageBeside(file, name))

/** Unpacks all packages of the build that made `file` into one directory. */
export function extractPackages(file: string, tree: string): void {
  for (const path of packagesBeside(file)) execFileSync('dpkg-deb', ['--extract', path, tree])
}

/**
 * Copies the packages to the root of a host as NAME.deb, and installs the one that the others need, so that each of them
 * can be installed, upgraded and removed by itself.
 */
export function putPackages(debian: Debian, file: string): void {
  for (const name of PACKAGES)
    copyFileSync(packageBeside(file, name), join(debian.path, `${name}.deb`))
  const { code, output } = debian.run('dpkg -i /onescan-runtime.deb')
  if (code !== 0) throw new Error(output)
}

/** Builds the Debian packages of the programs in build/native; returns the file of onescan. They go with the test. */
export async function buildPackage(
  t: Ending,
  compress: 'gzip' | 'none',
  environment: Record<string, string> = {},
): Promise<string> {
  await buildNative()
  const directory = openDirectory(t)
  const COMPRESS = compress === 'gzip' ? 'gzip -z1' : compress // ten seconds less
  const { stdout } = await run(process.execPath, wordsFor(native, directory), {
    cwd: root,
    env: { ...process.env, ...environment, COMPRESS },
  })
  return fileOfOnescan(stdout)
}

const fileOfOnescan = (printed: string) =>
  printed.split('\n').find((path) => path.includes('/onescan_'))!

/**
 * The file of the Debian package onescan of the programs in build/native, or of other ones, not compressed.
 * With the others beside it, it is built once for all tests, below build/packages/NAME, until a file of the checkout, of dist/
 * or build/native differs: of several tests that want it at a time, one builds it. Each state of
 * those files has a directory of its own, and the one before stays, since a test may still read there.
 */
export async function packageOnce(name: string, programs: string = native): Promise<string> {
  if (programs === native) await buildNative()
  const directory = join(root, 'build/packages', name)
  const unfinished = join(directory, 'unfinished')
  mkdirSync(directory, { recursive: true })
  const once = `
    test -d "$directory/$state" || {
      rm -rf "$unfinished" && mkdir "$unfinished" && "$@" >/dev/null &&
        (cd "$directory" && ls -t | tail -n +3 | xargs rm -rf) && mv "$unfinished" "$directory/$state"
    } && ls "$directory/$state"/*.deb`
  const build = [process.execPath, ...wordsFor(programs, unfinished)]
  const stdout = await runLocked(`${directory}.lock`, once, build, {
    cwd: root,
    env: { ...process.env, directory, unfinished, state: stateOfCheckout(), COMPRESS: 'none' },
  })
  return fileOfOnescan(stdout)
}

const wordsFor = (programs: string, output: string) => [
  'packaging/packages/deb.mjs',
  ...['--programs', programs, '--output', output],
]

async function buildNative(): Promise<void> {
  if (PROGRAMS.every((name) => existsSync(join(native, name)))) return
  for (const script of ['packaging/builds/build-native.mjs', 'packaging/builds/build-client.mjs']) {
    await run(process.execPath, [script], { cwd: root })
  }
}

/** Another if there is another commit, or the size or time of a file differs. */
function stateOfCheckout(): string {
  const git = (...words: string[]) => execFileSync('git', words, { cwd: root, encoding: 'utf8' })
  const sources = git('ls-files', '-z', '--cached', '--others', '--exclude-standard').split('\0')
  const built = ['dist', 'build/native'].flatMap((directory) =>
    readdirSync(join(root, directory), { recursive: true, encoding: 'utf8' }).map((name) =>
      join(directory, name),
    ),
  )
  const state = createHash('sha256').update(git('rev-parse', 'HEAD'))
  for (const name of [...sources.filter(Boolean), ...built]) {
    const { size = 0, mtimeMs = 0 } = lstatSync(join(root, name), { throwIfNoEntry: false }) ?? {}
    state.update(`${name} ${size} ${mtimeMs}\n`)
  }
  return state.digest('hex')
}
