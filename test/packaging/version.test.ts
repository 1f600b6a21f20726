import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { writeAddresses } from '../../packaging/packages/addresses.mjs'
import { origin, printedVersion, refuseUnprepared } from '../../packaging/packages/origin.mjs'
import { lacks } from '../needs.mjs'

/** The version of the Debian package. */

const skip = lacks('git')

t.test(
  'a build between two releases is an upgrade of what was built before',
  { skip },
  async (t) => {
    const root = t.testdir()
    const git = (...words: string[]) =>
      execFileSync('git', ['-c', 'user.name=x', '-c', 'user.email=x@example.org', ...words], {
        cwd: root,
        stdio: ['ignore', 'pipe', 'ignore'],
      })
    const commit = (version: string) => {
      writeFileSync(join(root, 'package.json'), JSON.stringify({ version }))
      git('add', '.')
      git('commit', '--allow-empty', '--quiet', '--message', version)
    }
    const built: string[] = []
    const build = (at: number) => {
      const { debianVersion } = origin(root, { SOURCE_DATE_EPOCH: String(1_700_000_000 + at) })
      built.push(debianVersion)
      return debianVersion
    }
    git('init', '--quiet')
    commit('1.2.0')
    git('tag', 'v1.2.0')
    t.equal(build(0), '1.2.0', 'a release has its name alone')
    t.equal(printedVersion(root), '1.2.0')
    commit('1.2.0')
    t.match(build(1), /^1\.2\.0\+git20231114221321\.[0-9a-f]{8}$/)
    const [head = ''] = git('rev-parse', 'HEAD').toString().match(/^.{8}/) ?? []
    t.equal(printedVersion(root), `1.2.0 (commit ${head})`)
    commit('1.2.0')
    build(2)
    commit('1.3.0')
    t.match(build(3), /^1\.3\.0~git20231114221323\.[0-9a-f]{8}$/, 'before the release')
    git('tag', 'v1.3.0')
    t.equal(build(4), '1.3.0')
    for (const [index, version] of built.slice(1).entries()) {
      const words = ['--compare-versions', version, 'gt', built[index]!]
      t.equal(spawnSync('dpkg', words).status, 0, words.join(' '))
    }
    mkdirSync(join(root, 'debian'))
    writeFileSync(join(root, 'debian/changelog'), 'onescan (1.2.9+git1.x) unstable; urgency=low\n')
    t.equal(build(5), '1.2.9+git1.x', 'sources that are a package state it')
    t.equal(printedVersion(root), '1.3.0 (commit x)')
    rmSync(join(root, 'debian'), { recursive: true })
    rmSync(join(root, '.git'), { recursive: true })
    t.equal(printedVersion(root), '1.3.0', 'without git the commit is unknown')
    writeFileSync(join(root, 'onescan.spec'), 'Name: onescan\nVersion: 1.3.0~git1.abcd\n')
    t.equal(printedVersion(root), '1.3.0 (commit abcd)', 'the source tarball has it')
  },
)

t.test(
  'a tagged commit is not released with placeholders, or without a date in the CHANGELOG',
  { skip },
  async (t) => {
    const root = t.testdir()
    const ours = join(import.meta.dirname, '../..')
    const scripts = ['builds', 'licenses', 'packages', 'toolchain'].flatMap((directory) =>
      readdirSync(join(ours, 'packaging', directory))
        .filter((name) => name.endsWith('.mjs'))
        .map((name) => `packaging/${directory}/${name}`),
    )
    const files = [
      'package.json',
      'README.md',
      'doc/deferred.md',
      'doc/install.md',
      'SECURITY.md',
      'LICENSE',
      'debian/control',
      'debian/copyright',
      'debian/watch',
    ]
    files.push('packaging/shipped/container/compose.yaml', 'packaging/packages/addresses.json')
    for (const file of ['CHANGELOG.md', ...files, ...scripts]) {
      cpSync(join(ours, file), join(root, file))
    }
    const git = (...words: string[]) => execFileSync('git', words, { cwd: root, stdio: 'ignore' })
    git('init', '--quiet')
    git('add', 'package.json')
    git(...['-c', 'user.name=x', '-c', 'user.email=x@example.net', 'commit', '--message', 'x'])
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
    t.doesNotThrow(() => refuseUnprepared(root, version), 'no release')
    git('tag', `v${version}`)
    const changes = join(root, 'CHANGELOG.md')
    const dated = readFileSync(changes, 'utf8')
    t.match(dated, `\n## [${version}] - 20`)
    writeFileSync(changes, dated.replace(`[${version}] - `, '[Unreleased] '))
    t.throws(() => refuseUnprepared(root, version), /CHANGELOG\.md: name the section .* "## \[1\./)
    writeFileSync(changes, dated.replace(/(?<=\] - )20\S+/, '2999-01-01'))
    t.throws(
      () => refuseUnprepared(root, version),
      /has the date 2999-01-01, after its commit; write 20/,
    )
    writeFileSync(changes, dated)
    const words = ['packaging/packages/release.mjs', '--built', '--output', join(root, 'release')]
    const { status, stderr } = spawnSync(process.execPath, words, { cwd: root, encoding: 'utf8' })
    t.equal(status, 1)
    t.match(
      stderr,
      /the owner has not filled in domain \(homepage, .*, security\), names \(developers, holders\), key \(key\), tracker \(issues\), list \(list\); see doc\/development\/owner\.md/,
    )
    t.same(writeAddresses(root), [], 'each file has those of addresses.json')
    const addresses = join(root, 'packaging/packages/addresses.json')
    const own = readFileSync(addresses, 'utf8')
      .replaceAll('example.org', 'onescan.net')
      .replace('the onescan developers', 'Ann Example')
      .replace(/0{40}/, 'A'.repeat(40))
    writeFileSync(addresses, own)
    t.same(writeAddresses(root).sort(), files.filter((file) => !/addresses/.test(file)).sort())
    for (const file of files)
      t.notMatch(readFileSync(join(root, file), 'utf8'), 'onescan.example.org')
    t.doesNotThrow(() => refuseUnprepared(root, version), 'addresses of its own')
    t.throws(
      () => refuseUnprepared(root, version, 'B'.repeat(40)),
      /--key B+: users expect A+; sign with that key/,
    )
    writeFileSync(addresses, own.replace('Ann Example', 'the onescan developers'))
    t.throws(() => refuseUnprepared(root, version), /has not filled in names \(holders\); /)
  },
)
