import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { lacks, programPath } from '../../needs.mjs'
import type { Ending } from './server.ts'
import { socketDirectory } from './socket-directory.ts'

/** Directories of the host as a program under test sees them. */
export interface OwnDirectories {
  /** Where a path below one of them, `/etc/onescan`, really is. */
  at(path: string): string
  /** A private directory that goes with the test, short enough for sockets. */
  readonly directory: string
  /** The words that run a program under them. */
  around(program: readonly string[]): string[]
}

/** Why tests with them are skipped, or false. */
export const ownDirectoriesMissing: string | false =
  lacks('root') ||
  (spawnSync('unshare', ['--mount', 'true']).status !== 0 && 'this machine has no mounts to give')

/** Three words each: the machine's directory, where it is then, and what takes its place. */
const MOUNTS = `
while test "$1" != --; do mount --rbind "$1" "$2" && mount --bind "$3" "$1" || exit 99; shift 3; done
shift; exec "$@"
`

/** `without`: names in each directory that are not there; all others are the machine's. */
export function makeOwnDirectories(
  t: Ending,
  without: Readonly<Record<string, readonly string[]>>,
): OwnDirectories {
  const directory = socketDirectory(t)
  chmodSync(directory, 0o755)
  const words = Object.entries(without).flatMap(([path, names]) => {
    const original = join(directory, 'original', path)
    const own = join(directory, path)
    for (const directory of [original, own]) mkdirSync(directory, { recursive: true })
    for (const name of readdirSync(path)) {
      if (!names.includes(name)) symlinkSync(join(original, name), join(own, name))
    }
    return [path, original, own]
  })
  return {
    at: (path) => join(directory, path),
    directory,
    around: (program) => [
      programPath('unshare'),
      ...['--mount', '/bin/sh', '-c', MOUNTS, 'sh', ...words, '--'],
      ...program,
    ],
  }
}
