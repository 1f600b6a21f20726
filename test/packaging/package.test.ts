import { execFileSync, spawnSync } from 'node:child_process'
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { origin, printedVersion } from '../../packaging/packages/origin.mjs'
import { PACKAGES } from '../../packaging/packages/package-files.mjs'
import { isWhole } from '../run/is-whole.ts'
import {
  buildPackage,
  extractPackages,
  native,
  packageBeside,
  packageOnce,
  packagesBeside,
  packagingMissing,
} from './built-package.ts'
import { checkOwnPlugin } from './own-plugin.ts'

/** The Debian packages as files: what they hold. */

const root = join(import.meta.dirname, '../..')
const manifest: { version: string; man: string[] } = JSON.parse(
  readFileSync(join(root, 'package.json'), 'utf8'),
)

t.test('the packages', { skip: packagingMissing }, async (t) => {
  const file = await packageOnce('whole')
  const tree = t.testdir()
  extractPackages(file, tree)
  const at = (path: string) => join(tree, path)

  t.test('has its name by version and architecture', async (t) => {
    const architecture = execFileSync('dpkg', ['--print-architecture'], { encoding: 'utf8' }).trim()
    for (const name of PACKAGES)
      t.match(
        packageBeside(file, name),
        `/${name}_${origin(root).debianVersion}_${architecture}.deb`,
      )
  })

  t.test('the quota service and the delay have packages of their own', async (t) => {
    const filesOf = (name: string) =>
      execFileSync('dpkg-deb', ['--contents', packageBeside(file, name)], { encoding: 'utf8' })
        .split('\n')
        .map((line) => line.split(/\s+/)[5]?.slice(1) ?? '')
        .filter((path) => path !== '' && !path.endsWith('/'))
    const [quotad, delay] = [filesOf('onescan-quotad'), filesOf('smtp-delay')]
    const isCommon = /^\/usr\/share\/(lintian|doc\/(onescan-quotad|smtp-delay))\//
    t.same(
      quotad.filter((path) => !isCommon.test(path) && !/quota|smtpplugins/.test(path)),
      [],
    )
    t.same(
      delay.filter((path) => !isCommon.test(path) && !/delay/.test(path)),
      [],
    )
    t.ok(quotad.includes('/usr/sbin/onescan-rcptquota') && delay.includes('/usr/sbin/smtp-delay'))
    t.same(
      filesOf('onescan').filter((path) => /quotad|rcptquota|delay/.test(path)),
      [],
    )
    const field = (name: string) =>
      execFileSync('dpkg-deb', ['-f', file, name], { encoding: 'utf8' }).trim()
    t.match(field('Suggests'), /onescan-quotad, smtp-delay/)
    t.notMatch(field('Depends'), /quotad|delay/)
  })

  t.test('holds the programs as they were built, byte for byte', async (t) => {
    const names = readdirSync(native).filter((program) => !/-sanitized$|^runtime$/.test(program))
    for (const name of [
      ...names,
      ...readdirSync(join(native, 'runtime')).map((name) => `runtime/${name}`),
    ]) {
      const [built, packed] = [join(native, name), at(`usr/lib/onescan/${name}`)]
      if (lstatSync(built).isSymbolicLink())
        t.equal(readlinkSync(packed), readlinkSync(built), name)
      else t.ok(readFileSync(built).equals(readFileSync(packed)), name)
    }
  })

  t.test('the programs of the package work', async (t) => {
    const version = execFileSync(at('usr/bin/onescan'), ['--version'], { encoding: 'utf8' })
    t.equal(version.trim(), `onescan ${printedVersion(root)}`)
    const { status, stderr } = spawnSync('sh', [
      at('usr/share/onescan/self-test'),
      at('usr/lib/onescan'),
    ])
    t.equal(status, 0, stderr.toString())
  })

  t.test('plugins of its own work, with npm packages beside them', async (t) => {
    checkOwnPlugin(t, at('usr/bin/onescan'))
  })

  t.test('shells find how to complete its commands', async (t) => {
    const bash = at('usr/share/bash-completion/completions/onescan')
    const script = `. "$1"; COMP_WORDS=(onescan key) COMP_CWORD=1; _onescan_yargs_completions; echo "\${COMPREPLY[@]}"`
    const PATH = `${at('usr/bin')}:${process.env.PATH}`
    const { stdout } = spawnSync('bash', ['-c', script, 'bash', bash], { env: { PATH } })
    t.equal(stdout.toString(), 'keygen\n')
    t.match(
      readFileSync(at('usr/share/zsh/vendor-completions/_onescan'), 'utf8'),
      '#compdef onescan',
    )
  })

  t.test('the self-test reports a stripped or truncated program', async (t) => {
    for (const damage of [
      'strip "$1"',
      'truncate -s -1000000 "$1"',
      'printf "#!/bin/sh\\n" >"$1"',
    ]) {
      const damaged = t.testdir()
      execFileSync('cp', ['-a', `${at('usr/lib/onescan')}/.`, damaged])
      execFileSync('sh', ['-c', damage, 'sh', join(damaged, 'onescan-runtime')])
      const { status, stderr } = spawnSync('sh', [at('usr/share/onescan/self-test'), damaged])
      t.equal(status, 1, damage)
      t.match(stderr.toString(), /^self-test: onescanc exits [1-9]\d* for a clean message/, damage)
    }
  })

  t.test('has every man page', async (t) => {
    for (const page of manifest.man) {
      const [, name, section] = /([\w-]+\.(\d))$/.exec(page)!
      const text = execFileSync('zcat', [at(`usr/share/man/man${section}/${name}.gz`)])
      t.ok(text.equals(readFileSync(join(root, page))), page)
    }
  })

  if (!isWhole) return
  t.test('is the same if it is made twice', async (t) => {
    const SOURCE_DATE_EPOCH = '1700000000'
    const first = await buildPackage(t, 'none', { SOURCE_DATE_EPOCH })
    const other = await buildPackage(t, 'none', { SOURCE_DATE_EPOCH, TZ: 'Asia/Tokyo' })
    const bytes = (made: string) => packagesBeside(made).map((path) => readFileSync(path))
    t.ok(Buffer.concat(bytes(first)).equals(Buffer.concat(bytes(other))))
  })
})
