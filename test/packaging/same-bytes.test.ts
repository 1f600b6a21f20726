import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, existsSync, readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { bundled, bundledPackages } from '../../packaging/builds/bundled.mjs'
import { origin } from '../../packaging/packages/origin.mjs'
import { PACKAGES } from '../../packaging/packages/package-files.mjs'
import { partOf } from '../../packaging/toolchain/install-locked.mjs'
import { codeBlocks } from '../documents/code-blocks.ts'
import { lacks } from '../needs.mjs'
import { emulationMissing } from '../programs/host/emulated.ts'
import { openDirectory } from '../programs/host/reachable.ts'
import { socketDirectory } from '../programs/host/socket-directory.ts'
import { packagingMissing } from './built-package.ts'
import { keyMaker } from './key-maker.ts'

/** The same sources make the same packages, wherever they lie. */

const root = join(import.meta.dirname, '../..')
const missing =
  packagingMissing || emulationMissing || lacks('gpg', 'gpgconf', 'gpg-agent', 'dpkg-source')

const json = (path: string) => JSON.parse(readFileSync(join(root, path), 'utf8'))
const SECONDS = '1700000000'
const { version, debianVersion } = origin(root, { SOURCE_DATE_EPOCH: SECONDS })
const node = (directory: string, ...words: string[]) =>
  execFileSync(process.execPath, words, {
    cwd: directory,
    env: { ...process.env, SOURCE_DATE_EPOCH: SECONDS, COMPRESS: 'none' },
    stdio: ['ignore', 'pipe', 'ignore'],
  })

t.test(
  'released from two directories, the packages are the same and name neither',
  { skip: missing },
  async (t) => {
    // Of what is built here already, but for what nobody needs every day.
    node(root, 'packaging/builds/build-native.mjs', '--arch', 'arm64')
    node(root, 'packaging/builds/build-for-npm.mjs', '--all')
    const key = keyMaker(t)('onescan releases <releases@example.org>')
    const here = release(t, root, '--built', '--key', key)
    const other = checkoutElsewhere(t, here)
    const there = release(t, other, '--unsigned')

    t.test('are all that packaging/packages/release.mjs names', async (t) => {
      t.same(
        readdirSync(here).sort(),
        [
          'SHA256SUMS',
          'SHA256SUMS.asc',
          'apt',
          `onescan-${version}.cdx.json`,
          ...PACKAGES.flatMap((name) => [
            `${name}-${debianVersion}-1.aarch64.rpm`,
            `${name}-${debianVersion}-1.x86_64.rpm`,
            `${name}_${debianVersion}_amd64.deb`,
            `${name}_${debianVersion}_arm64.deb`,
          ]),
          `onescan-${debianVersion}.tar.gz`,
          `onescan-${version}.tgz`,
          `onescan_${debianVersion}.dsc`,
          `onescan_${debianVersion}.tar.xz`,
        ].sort(),
      )
    })

    t.test('byte for byte', async (t) => {
      t.equal(sums(there), sums(here))
      execFileSync('sha256sum', ['--check', '--strict', 'SHA256SUMS'], { cwd: here })
      execFileSync('sha256sum', ['--check', '--strict', 'SHA256SUMS'], { cwd: there })
    })

    t.test('signed, and for apt, too', async (t) => {
      const sums = ['SHA256SUMS.asc', 'SHA256SUMS'].map((name) => join(here, name))
      execFileSync('gpg', ['--verify', ...sums], { stdio: 'ignore' })
      const pool = readdirSync(join(here, 'apt/pool/main/o/onescan'))
      t.same(
        pool.sort(),
        readdirSync(here)
          .filter((name) => name.endsWith('.deb'))
          .sort(),
      )
    })

    t.test('and verified by the commands of the page', { skip: lacks('curl') }, async (t) => {
      const typed = (begins: string) =>
        codeBlocks()
          .find(({ page, text }) => page === 'doc/install.md' && text.startsWith(begins))!
          .text.replace('https://onescan.example.org', `file://${here}`)
          .replace('-1.0.0-1.', `-${debianVersion}-1.`)
          .replace('/etc/apt/sources.list.d', join(here, 'apt'))
      const home = socketDirectory(t)
      const type = (script: string) =>
        spawnSync('bash', ['-ec', script], {
          cwd: openDirectory(t),
          encoding: 'utf8',
          env: { PATH: process.env.PATH, HOME: home, LC_ALL: 'C' },
        })
      t.match(type(typed("sed -n '/BEGIN/,/END/")).stdout, key)
      const { status, stdout, stderr } = type(typed('curl --remote-name-all'))
      t.equal(status, 0, stderr)
      t.match(stderr, /^gpg: Good signature from "onescan releases /m)
      for (const name of ['onescan', 'onescan-runtime'])
        t.match(stdout, `${name}-${debianVersion}-1.x86_64.rpm: OK\n`)
    })

    t.test('without a trace of where they were made', async (t) => {
      for (const place of ['build/native', 'build/native-arm64', 'bin/aarch64', 'dist']) {
        for (const entry of readdirSync(join(other, place), { withFileTypes: true })) {
          if (!entry.isFile()) continue
          const bytes = readFileSync(join(other, place, entry.name))
          t.notOk(bytes.includes(`${other}/`), entry.name)
        }
      }
    })

    t.test('with a bill of materials', async (t) => checkBill(t, here))

    t.test('debian/rules of the source package makes the same package', async (t) => {
      execFileSync(
        'dpkg-buildpackage',
        ['--build=binary', '--no-pre-clean', '--no-check-builddeps', '-us', '-uc'],
        {
          cwd: other,
          env: { ...process.env, SOURCE_DATE_EPOCH: '', COMPRESS: 'none' },
          stdio: 'ignore',
        },
      )
      const architecture = execFileSync('dpkg', ['--print-architecture'], { encoding: 'utf8' })
      const suffix = `${debianVersion}_${architecture.trim()}.deb`
      for (const name of PACKAGES) {
        for (const part of ['--fsys-tarfile', '--ctrl-tarfile']) {
          const digest = (directory: string) =>
            execFileSync('sh', [
              '-c',
              `dpkg-deb ${part} "$1" | sha256sum`,
              'sh',
              join(directory, `${name}_${suffix}`),
            ])
          t.equal(String(digest(dirname(other))), String(digest(here)), `${name} ${part}`)
        }
      }
    })
  },
)

interface Bill {
  readonly metadata: { readonly timestamp: string; readonly component: { readonly name: string } }
  readonly components: readonly { readonly 'bom-ref': string; readonly name: string }[]
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[]
}

/** CycloneDX 1.5: all that the packages hold, and nothing that they do not hold. */
function checkBill(t: Test, directory: string): void {
  const file = join(directory, `onescan-${version}.cdx.json`)
  const bill: Bill = JSON.parse(readFileSync(file, 'utf8'))
  t.match(bill, { bomFormat: 'CycloneDX', specVersion: '1.5' })
  t.equal(bill.metadata.timestamp, '2023-11-14T22:13:20.000Z', 'SOURCE_DATE_EPOCH')
  t.equal(bill.metadata.component.name, 'onescan')

  const refs = bill.components.map((component) => component['bom-ref'])
  t.equal(new Set(refs).size, refs.length, 'each is named once')
  const sorted = (...names: readonly string[]) => [...new Set(names)].sort()
  t.same(
    sorted(...bill.components.map(({ name }) => name)),
    sorted(
      ...bundledPackages(root).map(({ name }) => name),
      ...['@oven/bun-linux-x64', '@oven/bun-linux-aarch64', 'musl'],
    ),
  )
  const known = [...refs, `onescan@${version}`]
  for (const { ref, dependsOn } of bill.dependencies) {
    t.same(
      dependsOn.filter((other) => !known.includes(other)),
      [],
      ref,
    )
  }
}

/** The source package of a release, unpacked elsewhere, with the packages that are bundled. */
function checkoutElsewhere(t: Test, released: string): string {
  const directory = join(openDirectory(t), 'sources')
  const [dsc] = readdirSync(released).filter((name) => name.endsWith('.dsc'))
  execFileSync('dpkg-source', ['--extract', join(released, dsc!), directory], { stdio: 'ignore' })
  execFileSync('git', ['init', '--quiet'], { cwd: directory })
  const needed = ['esbuild', 'node-api-headers', ...bundled]
  for (const path of Object.keys(partOf(json('package-lock.json'), needed))) {
    try {
      cpSync(join(root, path), join(directory, path), { recursive: true })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error // of another machine
    }
  }
  const toolchain = 'packaging/toolchain/node_modules'
  symlinkSync(join(root, toolchain), join(directory, toolchain))
  // What is fetched, is fetched only once.
  for (const path of ['build/musl-arm64', 'build/toolchain-arm64']) {
    if (!existsSync(join(root, path))) continue
    cpSync(join(root, path), join(directory, path), { recursive: true })
  }
  return directory
}

/** What `npm run release` makes of a checkout, in a directory of its own. */
function release(t: Test, checkout: string, ...words: readonly string[]): string {
  const place = join(openDirectory(t), 'release')
  node(checkout, 'packaging/packages/release.mjs', ...words, '--output', place)
  return place
}

const sums = (directory: string) => readFileSync(join(directory, 'SHA256SUMS'), 'utf8')
