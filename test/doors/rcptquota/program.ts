import { join } from 'node:path'
import { build, missing } from '../../client/built-in-c.ts'

export { missing }

const root = join(import.meta.dirname, '../../..')

export const source = join(root, 'src/doors/rcptquota/onescan-rcptquota.c')

/** As it is installed, and as it ends with a report where it does what C leaves undefined. */
export const programs: readonly { readonly name: string; readonly program: string }[] = missing
  ? []
  : [
      { name: 'onescan-rcptquota', program: build('onescan-rcptquota', source) },
      {
        name: 'onescan-rcptquota under sanitizers',
        program: build('onescan-rcptquota-sanitized', source, '--sanitized'),
      },
    ]
