import { existsSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Fault } from '../../ground/errors/fault.ts'

/**
 * The onescan-queue beside this program, or in the bin/ of the package that it belongs
 * to. Throws a Fault of kind `config` if there is none.
 */
export function installedQueue(): string {
  let directory = dirname(realpathSync(process.argv[1]!))
  for (;;) {
    for (const place of ['onescan-queue', 'bin/onescan-queue']) {
      if (existsSync(join(directory, place))) return join(directory, place)
    }
    if (directory === dirname(directory)) break
    directory = dirname(directory)
  }
  throw new Fault('config', 'onescan-queue: is not beside this program; use --program')
}
