import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import t, { type Test } from 'tap'
import { partOf } from '../../packaging/install-locked.mjs'
import { findProgram } from '../programs/install.mjs'
import { packagingMissing } from './built-package.ts'

/** The same sources make the same packages, wherever they lie. */

const root = join(import.meta.dirname, '../..')
const missing = packagingMissing || (!findProgram('cc') && 'install Debian package gcc')

const json = (path: string) => JSON.parse(readFileSync(join(root, path), 'utf8'))
const node = (directory: string, ...words: string[]) =>
  execFileSync(process.execPath, words, {
    cwd: directory,
    env: { ...process.env, SOURCE_DATE_EPOCH: '1700000000' },
    stdio: ['ignore', 'pipe', 'ignore'],
  })

t.test(
  'built in two directories, the packages are the same and name neither',
  { skip: missing },
  async (t) => {
    const other = checkoutElsewhere(t)
    for (const script of ['build', 'build-native', 'build-client']) {
      node(other, `packaging/${script}.mjs`)
    }
    const here = packagesOf(t, root) // of what is built already
    const there = packagesOf(t, other)
    t.match(Object.keys(here), [/^onescan-.*\.tgz$/, /^onescan_.*\.deb$/])
    t.same(there, here)
    for (const place of ['build/native', 'dist']) {
      for (const entry of readdirSync(join(other, place), { withFileTypes: true })) {
        if (!entry.isFile()) continue
        const bytes = readFileSync(join(other, place, entry.name))
        t.notOk(bytes.includes(`${other}/`), entry.name)
      }
    }
  },
)

/** The files of this checkout with the packages that are bundled, in a directory of another name. */
function checkoutElsewhere(t: Test): string {
  const directory = mkdtempSync(join(tmpdir(), 'onescan-elsewhere-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const made = new Set(['.git', '.tap', 'build', 'dist', 'node_modules'])
  cpSync(root, directory, { recursive: true, filter: (path) => !made.has(basename(path)) })
  const bundled = ['esbuild', ...Object.keys(json('package.json').dependencies)]
  for (const path of Object.keys(partOf(json('package-lock.json'), bundled))) {
    try {
      cpSync(join(root, path), join(directory, path), { recursive: true })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error // of another machine
    }
  }
  const toolchain = 'packaging/toolchain/node_modules'
  symlinkSync(join(root, toolchain), join(directory, toolchain))
  return directory
}

/** The hash of each package made from what is built in `checkout`. */
function packagesOf(t: Test, checkout: string): Record<string, string> {
  const output = mkdtempSync(join(tmpdir(), 'onescan-packages-'))
  t.teardown(() => rmSync(output, { recursive: true }))
  const words = ['--programs', join(checkout, 'build/native'), '--output', output]
  node(checkout, 'packaging/package.mjs', ...words, '--compress', 'none')
  execFileSync('npm', ['pack', '--ignore-scripts', '--pack-destination', output], {
    cwd: checkout,
    stdio: 'ignore',
  })
  const hash = (name: string) =>
    createHash('sha256')
      .update(readFileSync(join(output, name)))
      .digest('hex')
  return Object.fromEntries(
    readdirSync(output)
      .filter((name) => name.startsWith('onescan'))
      .sort()
      .map((name) => [name, hash(name)]),
  )
}
