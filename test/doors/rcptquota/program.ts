import { execFileSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { missing } from '../../client/client.ts'

export { missing }

const root = join(import.meta.dirname, '../../..')
const script = join(root, 'packaging/build-client.mjs')

export const source = join(root, 'src/doors/rcptquota/onescan-rcptquota.c')

/** As it is installed, and as it ends with a report where it does what C leaves undefined. */
export const programs: readonly { readonly name: string; readonly program: string }[] = missing
  ? []
  : [
      { name: 'onescan-rcptquota', program: build('onescan-rcptquota') },
      {
        name: 'onescan-rcptquota under sanitizers',
        program: build('onescan-rcptquota-sanitized', '--sanitized'),
      },
    ]

/** Compiled where it is older than its source. */
function build(name: string, ...flags: readonly string[]): string {
  const program = join(root, 'build/native', name)
  const made = existsSync(program) ? statSync(program).mtimeMs : 0
  if (made <= Math.max(statSync(source).mtimeMs, statSync(script).mtimeMs)) {
    execFileSync(process.execPath, [script, ...flags])
  }
  return program
}
