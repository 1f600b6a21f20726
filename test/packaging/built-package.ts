import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { findProgram } from '../programs/install.mjs'

const root = join(import.meta.dirname, '../..')

/** What `npm run build:native` makes. */
export const native: string = join(root, 'build/native')

const PROGRAMS = [
  ...['onescan', 'onescan-queue', 'onescand', 'onescanc', 'onescan-runtime'],
  'runtime/onescand',
]

/** Why no package can be built here, or false. */
export const packagingMissing: string | false =
  (!findProgram('dh_builddeb') && 'install Debian package debhelper') ||
  (!findProgram('readelf') && 'install Debian package binutils')

export interface BuiltPackage {
  readonly file: string
  remove(): void
}

/**
 * Builds the Debian package of the programs in build/native, which are built where
 * they are not there, into a directory of its own; or of other programs.
 */
export async function buildPackage(
  compress: 'gzip' | 'none',
  environment: Record<string, string> = {},
  programs: string = native,
): Promise<BuiltPackage> {
  if (programs === native && !PROGRAMS.every((name) => existsSync(join(native, name)))) {
    await node(['packaging/build-native.mjs'])
    await node(['packaging/build-client.mjs'])
  }
  const directory = mkdtempSync(join(tmpdir(), 'onescan-package-'))
  const COMPRESS = compress === 'gzip' ? 'gzip -z1' : compress // ten seconds less
  const words = ['packaging/package.mjs', '--programs', programs, '--output', directory]
  const file = (await node(words, { ...environment, COMPRESS })).trim()
  return { file, remove: () => rmSync(directory, { recursive: true }) }
}

async function node(words: readonly string[], environment = {}): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, words, {
    cwd: root,
    env: { ...process.env, ...environment },
  })
  return stdout
}
