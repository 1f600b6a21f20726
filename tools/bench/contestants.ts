import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { findProgram } from '../../test/needs.mjs'
import { compiled } from './compile.ts'
import type { Kind } from './letters.ts'

const here = import.meta.dirname
const root = join(here, '../..')

/** Where the compiled programs are, unless --programs names another directory. */
export const NATIVE: string = join(root, 'build/native')

export interface Contestant {
  readonly name: string
  readonly label: string
  /** argv of the wrapper, first the absolute path. Asked for only if nothing is missing. */
  program(chain: string): readonly string[]
  /** What must be built or installed first, or undefined. */
  readonly missing: string | undefined
  /** The header fields of ours that must come out of it, by the kind of mail. */
  readonly leaves: (kind: Kind) => { readonly xQhpsi: string | undefined; readonly stamps: number }
  /** The daemon that it asks: started for the run, under the contestant's own environment. */
  readonly daemon?: string
  /** Environment beside that of all contestants. */
  readonly settings?: Readonly<Record<string, string>>
}

export const NAMES = ['bare', 'floor', 'sh', 'standalone', 'warm', 'never'] as const

/** Everybody who may stand in the slot, those that are not built included. */
export function contestants(native: string = NATIVE): Contestant[] {
  const warm = {
    program: () => [join(native, 'onescanc')],
    missing: warmMissing(native),
    leaves: tagsAndStamps,
    daemon: join(native, 'onescand'),
  }
  return [
    {
      name: 'bare',
      label: 'bare chain, no scan',
      program: (chain) => [chain],
      missing: missingProgram('cc'),
      leaves: (kind) => ({ xQhpsi: undefined, stamps: kind === 'trusted' ? 1 : 0 }),
    },
    {
      name: 'floor',
      label: 'floor: minimal C, FILDES',
      program: () => [compiled('floor')],
      missing: missingProgram('cc'),
      leaves: tagsInfected,
    },
    {
      name: 'sh',
      label: 'sh + clamdscan --fdpass',
      program: () => [join(here, 'wrapper.sh')],
      missing: missingProgram('clamdscan'),
      leaves: tagsInfected,
    },
    {
      name: 'standalone',
      label: 'onescan, standalone',
      program: () => [join(native, 'onescan-queue')],
      missing: notBuilt(join(native, 'onescan-queue'), 'npm run build:native'),
      leaves: tagsAndStamps,
    },
    { name: 'warm', label: 'onescan, warm', ...warm },
    {
      name: 'never',
      label: 'warm, SECONDLOOK=never',
      ...warm,
      settings: { SECONDLOOK: 'never' },
    },
  ]
}

function tagsInfected(kind: Kind) {
  return {
    xQhpsi: kind === 'infected' ? 'virus found' : undefined,
    stamps: kind === 'trusted' ? 1 : 0,
  }
}

/** A trusted message keeps the one stamp that it came with. */
function tagsAndStamps(kind: Kind) {
  return kind === 'infected' ? { xQhpsi: 'virus found', stamps: 0 } : { xQhpsi: 'clean', stamps: 1 }
}

function missingProgram(name: string): string | undefined {
  return findProgram(name) ? undefined : `${name} is not installed`
}

function notBuilt(file: string, command: string): string | undefined {
  return existsSync(file) ? undefined : `not built: ${command}`
}

function warmMissing(native: string): string | undefined {
  const [missing] = ['onescanc', 'onescand', 'onescan-queue'].filter(
    (name) => !existsSync(join(native, name)),
  )
  return missing && `${missing} is not built: npm run build:native`
}
