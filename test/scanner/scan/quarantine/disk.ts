import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { lacks, programPath } from '../../../needs.mjs'
import { openDirectory } from '../../../programs/host/reachable.ts'
import { ofPlain } from '../../cli/onescan.ts'

/** Why tests of a power failure are skipped, or false. */
export const diskMissing: string | false = lacks('mounts', '/dev/loop', 'mkfs.ext4')

/** A disk in a file, whose kernel writes nothing by itself, so that it holds what was synced. */
export interface Disk {
  readonly directory: string
  /** The words of a command that keeps the disk as it is now. */
  readonly cut: readonly string[]
  /** Keeps the disk as it is now, as a power failure would leave it. */
  cutNow(): void
  /** Calls `look` with the directory of what was kept by the last cut, as the next start finds it. */
  afterCut<Result>(look: (directory: string) => Promise<Result>): Promise<Result>
}

const BYTES = 32 * 1024 * 1024
/** Seconds after which the kernel writes of its own accord: long after the test. */
const COMMIT = 100_000

export function makeDisk(t: Test): Disk {
  const place = openDirectory(t)
  const [image, kept, directory, after] = ['image', 'kept', 'now', 'after'].map((name) =>
    join(place, name),
  )
  writeFileSync(image!, '')
  ofPlain(place) // who releases keeps the disk as it is then
  chmodSync(place, 0o755)
  truncateSync(image!, BYTES)
  execFileSync(programPath('mkfs.ext4'), ['-q', '-F', image!])
  for (const path of [directory!, after!]) mkdirSync(path)
  execFileSync('mount', ['-o', `loop,commit=${COMMIT}`, image!, directory!])
  t.teardown(() => execFileSync('umount', [directory!]))
  const cut = ['cp', '--sparse=always', image!, kept!] as const
  return {
    directory: directory!,
    cut,
    cutNow() {
      execFileSync(cut[0], cut.slice(1))
      ofPlain(kept!)
    },
    async afterCut(look) {
      execFileSync('mount', ['-o', 'loop', kept!, after!])
      try {
        return await look(after!)
      } finally {
        execFileSync('umount', [after!])
      }
    },
  }
}
