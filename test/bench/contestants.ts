import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { findProgram } from '../programs/install.mjs'
import type { Kind, Place } from './cells.ts'
import { compiled } from './compile.ts'

const here = import.meta.dirname
const root = join(here, '../..')

/** Where the compiled programs are, unless --programs names another directory. */
export const NATIVE: string = join(root, 'build/native')

export interface Contestant {
  readonly name: string
  readonly label: string
  /** argv of the wrapper, first the absolute path. Asked for only where nothing is missing. */
  program(field: { readonly chain: string }): readonly string[]
  /** What must be built or installed first, or undefined. */
  readonly missing: string | undefined
  /** The header fields of ours that must come out of it, by the kind of mail. */
  readonly leaves: (kind: Kind) => { readonly xQhpsi: string | undefined; readonly stamps: number }
  /** The daemon that it asks: started for the run, under the contestant's own environment. */
  readonly daemon?: string
  /** Environment beside that of all contestants. */
  readonly settings?: Readonly<Record<string, string>>
  takesPart(cell: Place): boolean
}

export const NAMES = [
  'bare',
  'floor',
  'sh',
  'perl',
  'cold-node',
  'cold-native',
  'warm',
  'cold-never',
  'warm-never',
  'warm-unsigned',
] as const

export type Name = (typeof NAMES)[number]

/** Everybody who may stand in the slot, those that are not built included. */
export function contestants(native: string = NATIVE): Contestant[] {
  const scanning = (kind: Kind) => !isTrusted(kind)
  const everything = () => true
  /** A second look is what differs, and that no trusted mail gets. */
  const scansOnly = ({ kind }: Place) => scanning(kind)
  return [
    {
      name: 'bare',
      label: 'bare chain, no scan',
      program: ({ chain }) => [chain],
      missing: missingCompiler(),
      leaves: (kind) => ({ xQhpsi: undefined, stamps: isTrusted(kind) ? 1 : 0 }),
      takesPart: ({ kind }) => kind !== 'infected',
    },
    {
      name: 'floor',
      label: 'floor: minimal C, FILDES',
      program: () => [compiled('floor')],
      missing: missingCompiler(),
      leaves: tagsInfected,
      takesPart: ({ kind }) => scanning(kind),
    },
    {
      name: 'sh',
      label: 'sh + clamdscan --fdpass',
      program: () => [join(here, 'wrapper.sh')],
      missing: missingProgram('clamdscan'),
      leaves: tagsInfected,
      takesPart: ({ kind }) => scanning(kind),
    },
    {
      name: 'perl',
      label: 'Perl, minimal',
      program: () => [join(here, 'wrapper.pl')],
      missing: missingProgram('perl'),
      leaves: tagsInfected,
      takesPart: ({ kind }) => scanning(kind),
    },
    {
      name: 'cold-node',
      label: 'onescan, cold on Node',
      program: () => [join(root, 'bin/onescan-queue')],
      missing: notBuilt(join(root, 'dist/onescan-queue.cjs'), 'npm run build'),
      leaves: tagsAndStamps,
      takesPart: everything,
    },
    {
      name: 'cold-native',
      label: 'onescan, cold compiled',
      program: () => [join(native, 'onescan-queue')],
      missing: notBuilt(join(native, 'onescan-queue'), 'npm run build:native'),
      leaves: tagsAndStamps,
      takesPart: everything,
    },
    {
      name: 'warm',
      label: 'onescan, warm',
      program: () => [join(native, 'onescanc')],
      missing: warmMissing(native),
      leaves: tagsAndStamps,
      daemon: join(native, 'onescand'),
      settings: { ONESCAN_COLD: join(native, 'onescan-queue') },
      takesPart: everything,
    },
    {
      name: 'cold-never',
      label: 'cold compiled, never',
      program: () => [join(native, 'onescan-queue')],
      missing: notBuilt(join(native, 'onescan-queue'), 'npm run build:native'),
      leaves: tagsAndStamps,
      settings: { SECONDLOOK: 'never' },
      takesPart: scansOnly,
    },
    {
      name: 'warm-never',
      label: 'warm, never',
      program: () => [join(native, 'onescanc')],
      missing: warmMissing(native),
      leaves: tagsAndStamps,
      daemon: join(native, 'onescand'),
      settings: { ONESCAN_COLD: join(native, 'onescan-queue'), SECONDLOOK: 'never' },
      takesPart: scansOnly,
    },
    {
      name: 'warm-unsigned',
      label: 'onescan, warm, stamps off',
      program: () => [join(native, 'onescanc')],
      missing: warmMissing(native),
      leaves: (kind) => ({ ...tagsAndStamps(kind), stamps: 0 }),
      daemon: join(native, 'onescand'),
      settings: { ONESCAN_COLD: join(native, 'onescan-queue'), CLUSTERKEYS: '' },
      takesPart: ({ kind, size, atOnce }) =>
        kind === 'clean' && size.name === '100 KB' && atOnce === 1,
    },
  ]
}

export const isTrusted = (kind: Kind): boolean => kind.startsWith('trusted')

function tagsInfected(kind: Kind) {
  return { xQhpsi: kind === 'infected' ? 'virus found' : undefined, stamps: 0 }
}

/** A trusted message keeps the one stamp that it came with. */
function tagsAndStamps(kind: Kind) {
  return kind === 'infected' ? { xQhpsi: 'virus found', stamps: 0 } : { xQhpsi: 'clean', stamps: 1 }
}

function missingProgram(name: string): string | undefined {
  return findProgram(name) ? undefined : `${name} is not installed`
}

const missingCompiler = () => missingProgram('cc')

function notBuilt(file: string, command: string): string | undefined {
  return existsSync(file) ? undefined : `not built: ${command}`
}

function warmMissing(native: string): string | undefined {
  const [missing] = ['onescanc', 'onescand', 'onescan-queue'].filter(
    (name) => !existsSync(join(native, name)),
  )
  return missing && `${missing} is not built: npm run build:native`
}
