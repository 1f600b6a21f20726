import { join } from 'node:path'
import { build, missing } from '../../c/built-in-c.ts'

export { missing }

const root = join(import.meta.dirname, '../../..')

/** The directory of its files in C. */
export const source = join(root, 'src/quota/onescan-rcptquota')

/** The plugin as it is installed, and a build that ends with a report at undefined behaviour. */
export const programs: readonly { readonly name: string; readonly program: string }[] = missing
  ? []
  : [
      { name: 'onescan-rcptquota', program: build('onescan-rcptquota', source) },
      {
        name: 'onescan-rcptquota under sanitizers',
        program: build('onescan-rcptquota-sanitized', source, '--sanitized'),
      },
    ]
