import { execFile, execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, lstatSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { lacks } from '../needs.mjs'
import { openDirectory } from '../programs/host/reachable.ts'
import type { Ending } from '../programs/host/server.ts'
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

/** Builds the Debian package of the programs in build/native; the file goes with the test. */
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
  return stdout.trim()
}

/**
 * The file of the Debian package of the programs in build/native, or of other ones, not compressed.
 * It is built once for all tests, below build/packages/NAME, until a file of the checkout, of dist/
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
  return stdout.trim()
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
