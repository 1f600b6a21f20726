import { existsSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { lacks } from '../../needs.mjs'
import { openDirectory } from './reachable.ts'
import type { Ending } from './server.ts'

/** libfaketime in the directory of whatever architecture this is. */
const library = ['/usr/lib', '/usr/local/lib']
  .filter((directory) => existsSync(directory))
  .flatMap((directory) => [
    directory,
    ...readdirSync(directory).map((name) => join(directory, name)),
  ])
  .map((directory) => join(directory, 'faketime/libfaketime.so.1'))
  .find((path) => existsSync(path))

/** Why tests that step the clock are skipped, or false. */
export const faketimeMissing: string | false =
  library === undefined ? 'install Debian package faketime' : lacks('faketime')

export interface SteppedClock {
  /**
   * Variables for the programs with this clock. Launchers drop them, so tests start what launchers
   * start.
   */
  readonly environment: Readonly<Record<string, string>>
  /** From now on the programs' wall clock is this many seconds ahead of the real one. */
  set(seconds: number): void
  /** The file that holds these seconds, for a program that steps its own clock. */
  readonly file: string
}

/**
 * Makes a wall clock that is stepped while programs run, as ntpd, an administrator or a suspended
 * machine do it. CLOCK_MONOTONIC and the times of files are not stepped.
 */
export function steppedClock(t: Ending, seconds: number): SteppedClock {
  const directory = openDirectory(t)
  const file = join(directory, 'clock')
  const set = (to: number) => {
    writeFileSync(`${file}.new`, `${to < 0 ? '' : '+'}${to}\n`)
    renameSync(`${file}.new`, file) // at once, for it is read all the time
  }
  set(seconds)
  return {
    environment: {
      LD_PRELOAD: library ?? '',
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      DONT_FAKE_MONOTONIC: '1', // as versions before 0.9.9 call it
      NO_FAKE_STAT: '1',
    },
    set,
    file,
  }
}
