import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  writeFileSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { parseArgs } from 'node:util'
import { writeRepository } from '../../packaging/packages/repository.mjs'
import { findProgram } from '../../test/needs.mjs'
import {
  buildPackage,
  packagesBeside,
  packagingMissing,
} from '../../test/packaging/built-package.ts'
import { debianMissing, makeDebian } from '../../test/packaging/debian.ts'
import { keyMaker } from '../../test/packaging/key-maker.ts'
import { placeStandIns } from '../../test/packaging/stand-in-qmail.ts'
import { npmRegistry } from '../../test/programs/host/npm-registry.ts'
import { openDirectory } from '../../test/programs/host/reachable.ts'
import { type Ending, withEnding } from '../../test/programs/host/server.ts'
import { abridged } from './abridged.ts'
import { byCheckout, byNpm, byPackage, byRepository } from './installs.ts'
import { openSession, type Session } from './session.ts'
import type { Step } from './step.ts'
import { walks } from './steps.ts'
import { startWatch } from './watch.ts'

/**
 * `npm run first-hour -- [--release bookworm|trixie] [--server postfix|qmail|sendmail|smtp]
 * [--by checkout|repository|package|npm]`: does on a bare Debian what is in the README and its pages, and prints
 * what a newcomer would see. As root; it takes some minutes, and gets packages from where apt of
 * this machine gets them.
 */

const { values } = parseArgs({
  options: {
    release: { type: 'string', default: 'bookworm' },
    server: { type: 'string', default: 'postfix' },
    by: { type: 'string', default: 'package' },
  },
})
const missing =
  packagingMissing || debianMissing || (!findProgram('ip') && 'install Debian package iproute2')
if (missing) throw new Error(missing)
const chosen = walks[values.server]
if (!chosen) throw new Error(`--server ${values.server}: ${Object.keys(walks).join(', ')}`)
const isNpm = values.by === 'npm'
const ways = { checkout: byCheckout, npm: byNpm, package: byPackage, repository: byRepository }
const install = ways[values.by as keyof typeof ways]
if (!install) throw new Error(`--by ${values.by}: ${Object.keys(ways).join(', ')}`)
const steps = [...chosen.walk(install), ...(isNpm ? [] : chosen.removed)]

const here = import.meta.dirname
const watch = startWatch()
await withEnding(async (t) => {
  const [debian, file] = await Promise.all([
    makeDebian(t, values.release),
    isNpm ? packForNpm(t) : buildPackage(t, 'gzip'),
  ])
  const at = (path: string) => join(debian.path, path)
  mkdirSync(at('root/build'))
  const folder = isNpm ? 'root' : 'root/build'
  const files = isNpm ? [file] : packagesBeside(file)
  for (const path of files) copyFileSync(path, at(`${folder}/${basename(path)}`))
  if (values.by === 'repository') publish(t, files, at('root/apt'))
  copyFileSync('/etc/resolv.conf', at('etc/resolv.conf'))
  place(join(here, 'send.pl'), at('usr/local/bin/send'))
  writeFileSync(at('root/mail.eml'), 'From: ann@example.org\nSubject: a first mail\n\nHello.\n')
  if (values.server === 'qmail') placeStandIns(debian.path)
  if (values.by === 'checkout') {
    execFileSync('git', ['clone', '--quiet', join(here, '../..'), at('root/onescan')])
  }
  if (isNpm || values.by === 'checkout') lendNpm(at)
  process.stdout.write(
    `On a bare Debian, ${values.release}, with ${values.server}, by ${values.by}:\n`,
  )
  process.exitCode = (await walk(debian.path, steps)) ? 0 : 1
  process.stdout.write(`\n${watch.summary()}\n`)
})

/** The tarball, as `npm pack` makes it of what is built. */
async function packForNpm(t: Ending) {
  const directory = openDirectory(t)
  const root = join(here, '../..')
  execFileSync(process.execPath, ['packaging/builds/build-for-npm.mjs'], {
    cwd: root,
    stdio: 'ignore',
  })
  const words = ['pack', '--ignore-scripts', '--pack-destination', directory]
  execFileSync('npm', words, { cwd: root, stdio: 'ignore' })
  const [name] = readdirSync(directory)
  return join(directory, name!)
}

/** As a release does, signed with a key of its own. */
function publish(t: Ending, packages: readonly string[], directory: string): void {
  const key = keyMaker(t)('first hour <x@example.org>')
  const seconds = Math.floor(Date.now() / 1000)
  writeRepository(directory, { packages, address: 'file:/root/apt', key, seconds })
  chmodSync(join(directory, '..'), 0o755) // apt reads it as an account of its own
}

/** What npm of this machine has fetched, and by whose word it trusts the registry. */
function lendNpm(at: (path: string) => string): void {
  const cache = execFileSync('npm', ['config', 'get', 'cache'], { encoding: 'utf8' }).trim()
  cpSync(join(cache, '_cacache'), at('root/.npm/_cacache'), { recursive: true })
  const settings = ['prefer-offline=true', 'fund=false', 'update-notifier=false']
  const { authorities } = npmRegistry()
  if (authorities !== undefined) {
    copyFileSync(authorities, at('root/.npm/authorities.pem'))
    settings.push('cafile=/root/.npm/authorities.pem')
  }
  writeFileSync(at('root/.npmrc'), settings.map((line) => `${line}\n`).join(''))
}

function place(file: string, target: string): void {
  if (!existsSync(target)) copyFileSync(file, target)
  chmodSync(target, 0o755)
}

/** What needs the network comes first; then a world apart. True where all came out as expected. */
async function walk(root: string, all: readonly Step[]): Promise<boolean> {
  const needsNetwork = (step: Step) =>
    'place' in step ? step.network : 'printed' in step ? false : step.needs
  const last = all.findLastIndex(needsNetwork)
  let well = true
  let printed = ''
  for (const [part, apart] of [
    [all.slice(0, last + 1), false],
    [all.slice(last + 1), true],
  ] as const) {
    const session = openSession(root, apart)
    for (const step of part) {
      const { output, good } = await take(session, step, printed)
      printed += output
      well &&= good
    }
    await session.end()
  }
  return well
}

async function take(
  session: Session,
  step: Step,
  printed: string,
): Promise<{ readonly output: string; readonly good: boolean }> {
  if ('place' in step) {
    const { code, output } = await watch.waits(step, () => session.type(step.place))
    if (code !== 0) throw new Error(`${step.place}: ${code}\n${output}`)
    return { output: '', good: true }
  }
  const commands =
    'printed' in step
      ? [...new Set([...printed.matchAll(step.printed)].map(([, value]) => value!))].join('\n')
      : 'type' in step
        ? step.type
        : step.self
  const where = 'page' in step ? `   [${step.page}]` : 'printed' in step ? '   [as printed]' : ''
  const [first, ...more] = commands.split('\n')
  process.stdout.write(`\n# ${first}${where}\n${more.map((line) => `${line}\n`).join('')}`)
  const { code, output } = await watch.types(step, commands, () => session.type(commands))
  process.stdout.write(abridged(output))
  if (code !== 0) process.stdout.write(`(exit code ${code})\n`)
  const good = !('expect' in step) || step.expect === undefined || step.expect.test(output)
  if (!good)
    process.stdout.write(`NOT AS EXPECTED: ${String((step as { expect: RegExp }).expect)}\n`)
  if (good && 'self' in step && step.shows === 'a scanned mail') watch.arrived()
  return { output, good }
}
