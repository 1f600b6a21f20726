import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { bundledPackages } from '../../packaging/builds/bundled.mjs'
import { origin } from '../../packaging/packages/origin.mjs'
import { PACKAGES } from '../../packaging/packages/package-files.mjs'
import { bun } from '../../packaging/toolchain/toolchain.mjs'
import { lacks } from '../needs.mjs'
import { isWhole } from '../run/is-whole.ts'
import {
  buildPackage,
  extractPackages,
  packageBeside,
  packageOnce,
  packagesBeside,
  packagingMissing,
} from './built-package.ts'

/** What Debian's policy asks of a package, as Debian's own programs read it. */

const root = join(import.meta.dirname, '../..')
const json = (path: string) => JSON.parse(readFileSync(join(root, path), 'utf8'))
const manifest: { version: string; homepage: string; repository: { url: string } } =
  json('package.json')
const python = '/usr/bin/python3'
const copyrightMissing = lacks('python3', 'python3 debian')

/** Prints each paragraph of a copyright file; strict about what the format allows. */
const READ_COPYRIGHT = `
import debian.copyright, io, json, sys
whole = debian.copyright.Copyright(io.open(sys.argv[1], encoding='utf8'), strict=True)
print(json.dumps({
  'source': whole.header.source,
  'files': [{'files': list(each.files), 'license': each.license.synopsis, 'text': each.license.text,
             'copyright': each.copyright, 'comment': each.comment or ''}
            for each in whole.all_files_paragraphs()],
  'licenses': [[each.license.synopsis, each.license.text] for each in whole.all_license_paragraphs()],
}))`

interface Copyright {
  readonly source: string
  readonly files: readonly {
    readonly files: readonly string[]
    readonly license: string
    readonly text: string
    readonly copyright: string
    readonly comment: string
  }[]
  readonly licenses: readonly (readonly [string, string])[]
}

t.test('the package', { skip: packagingMissing || lacks('dpkg-parsechangelog') }, async (t) => {
  const file = await packageOnce('whole')
  const tree = t.testdir()
  extractPackages(file, tree)
  const at = (path: string) => join(tree, path)
  const field = (name: string, of = file) =>
    execFileSync('dpkg-deb', ['-f', of, name], { encoding: 'utf8' }).trim()

  t.test('states where it comes from, as package.json does', async (t) => {
    t.equal(field('Homepage'), manifest.homepage)
  })

  t.test('names the Debian sources that its static programs hold', async (t) => {
    const version = execFileSync('dpkg-query', ['-W', '-f', `\${source:Version}`, 'musl-dev'])
    for (const name of ['onescan', 'onescan-quotad', 'onescan-runtime'])
      t.equal(field('Static-Built-Using', packageBeside(file, name)), `musl (= ${version})`)
    for (const name of ['onescanc', 'onescan-rcptquota', 'onescan-run']) {
      const notes = execFileSync('readelf', ['--notes', at(`usr/lib/onescan/${name}`)])
      t.equal(notes.toString(), '', `${name}: glibc's start files would leave one`)
    }
  })

  t.test('has a changelog that dpkg reads, with the text of CHANGELOG.md', async (t) => {
    const log = at('changelog')
    for (const name of PACKAGES) t.ok(existsSync(at(`usr/share/doc/${name}/copyright`)), name)
    writeFileSync(log, execFileSync('zcat', [at('usr/share/doc/onescan/changelog.gz')]))
    const parse = (...words: string[]) =>
      spawnSync('dpkg-parsechangelog', ['-l', log, ...words], { encoding: 'utf8' })
    t.match(parse('--all'), { status: 0, stderr: '' })
    const { debianVersion, seconds } = origin(root)
    t.equal(parse('-SVersion').stdout.trim(), debianVersion)
    t.equal(parse('-STimestamp').stdout.trim(), String(seconds))
    const [ours, packed] = [join(root, 'CHANGELOG.md'), at('usr/share/doc/onescan/CHANGELOG.md')]
    t.ok(readFileSync(ours).equals(readFileSync(packed)))
  })

  t.test('has pages whose links and pictures are there', async (t) => {
    const doc = at('usr/share/doc/onescan')
    const pages = ['', 'doc'].flatMap((place) =>
      readdirSync(join(doc, place))
        .filter((name) => name.endsWith('.md'))
        .map((name) => join(place, name)),
    )
    const ours = readdirSync(join(root, 'doc')).filter((name) => name.endsWith('.md'))
    for (const page of ['README.md', ...ours.map((name) => join('doc', name))]) {
      t.ok(pages.includes(page), page)
    }
    let links = 0
    t.notOk(existsSync(join(doc, 'doc/development')), 'pages for contributors are not installed')
    for (const page of pages) {
      const text = readFileSync(join(doc, page), 'utf8')
      for (const [, to] of text.matchAll(/\]\((?![a-z]+:|#)([^)#]+)/g)) {
        t.ok(existsSync(join(doc, dirname(page), to!)), `${page}: ${to}`)
        links++
      }
    }
    t.ok(links > 20)
  })

  const copyright = { skip: copyrightMissing }
  t.test(
    'has a copyright file that Debian’s reader takes, with all parts',
    copyright,
    async (t) => {
      const path = at('usr/share/doc/onescan/copyright')
      const { status, stdout, stderr } = spawnSync(python, ['-c', READ_COPYRIGHT, path], {
        encoding: 'utf8',
      })
      t.equal(status, 0, stderr)
      const { source, files, licenses: standalone }: Copyright = JSON.parse(stdout)
      t.equal(`git+${source}`, manifest.repository.url)

      const texts = new Map(standalone)
      for (const { files: names, license, text, copyright } of files) {
        t.ok(copyright !== '', `${names}: somebody holds the rights`)
        if (text !== '') continue
        for (const name of license.split(' and ')) t.ok(texts.get(name), `${names}: ${name}`)
      }
      const named = (path: string) => files.find((entry) => entry.files.includes(`${path}/*`))
      const [, place] = /(\/usr\/\S+LICENSES)/.exec(texts.get('npm-packages')!)!
      const licenses = readFileSync(at(place!), 'utf8')
      for (const { name, version } of bundledPackages(root)) {
        t.match(licenses, `\n${name} ${version}\n\n`)
      }
      const runtime = named('packaging/toolchain/node_modules/@oven')!
      for (const part of [
        'WebKit',
        'TinyCC',
        'BoringSSL',
        'ICU',
        'libarchive',
        'mimalloc',
        'zstd',
      ]) {
        t.match(runtime.comment, part)
      }
      // Under the LGPL the very sources must be named; the runtime knows its own.
      const { webkit, tinycc } = JSON.parse(
        execFileSync(bun(), ['-p', 'JSON.stringify(process.versions)'], { encoding: 'utf8' }),
      )
      const comment = runtime.comment.replaceAll(/\s+/g, ' ')
      t.match(comment, `commit ${webkit} of https://github.com/oven-sh/WebKit`)
      t.match(comment, `commit ${tinycc} of https://github.com/oven-sh/tinycc`)
      t.match(runtime.license, /\bLGPL-2 and LGPL-2\.1 and Apache-2\.0\b/)
      t.ok(named('/usr/lib/*-linux-musl'), 'musl')
    },
  )

  t.test(
    'the first program in the path of mail is hardened as far as a static program can be',
    async (t) => {
      for (const name of ['onescanc', 'onescan-rcptquota', 'onescan-run']) {
        const program = at(`usr/lib/onescan/${name}`)
        const readelf = (...words: string[]) =>
          execFileSync('readelf', ['--wide', ...words, program], { encoding: 'utf8' })
        t.match(readelf('--file-header'), /Type: +DYN /, `${name} runs at any address`)
        const segments = readelf('--segments')
        t.notMatch(segments, 'INTERP', `${name} needs no dynamic linker`)
        t.match(segments, / GNU_RELRO /, `${name}: what is relocated is read-only then`)
        t.match(segments, / GNU_STACK .* RW +0x/, `${name}: nothing on the stack is run`)
        t.notMatch(segments, / RWE /, `${name}: nothing is both written and run`)
        t.match(readelf('--dynamic'), /FLAGS.*BIND_NOW[\s\S]*NOW PIE/, name)
        t.notMatch(readelf('--dynamic'), 'TEXTREL', name)
        t.match(readelf('--sections'), /^(?!.*\.symtab)/s, `${name} is stripped`)
        const code = execFileSync('objdump', ['--disassemble', program], {
          encoding: 'utf8',
          maxBuffer: 64 * 1024 * 1024,
        })
        const canaries = code.match(/%fs:0x28|__stack_chk_guard/g)?.length ?? 0
        if (process.arch === 'x64') t.ok(canaries > 20, `${name}: ${canaries} looks at canaries`)
      }
    },
  )

  t.test('libraries of the runtime are hardened as a shared library can be', async (t) => {
    const addon = at('usr/lib/onescan/onescan.node')
    t.equal(statSync(addon).mode & 0o777, 0o644)
    const readelf = (...words: string[]) =>
      execFileSync('readelf', ['--wide', ...words, addon], { encoding: 'utf8' })
    t.match(readelf('--segments'), / GNU_RELRO /)
    t.notMatch(readelf('--segments'), / RWE /)
    t.match(readelf('--dynamic'), /FLAGS.*BIND_NOW/)
    t.match(readelf('--symbols'), '__stack_chk_fail')
    t.notMatch(readelf('--dynamic'), /NEEDED|TEXTREL|RPATH|RUNPATH/)
  })

  const lintianMissing = lacks('lintian')
  // It takes half a minute.
  if (!isWhole) return
  t.test(
    'lintian finds nothing, and each override is needed',
    { skip: lintianMissing },
    async (t) => {
      // As it is released: lintian does not like a package that is not compressed.
      const file = await buildPackage(t, 'gzip')
      const words = [
        '--fail-on',
        'error,warning',
        '--display-info',
        '--tag-display-limit',
        '0',
        ...packagesBeside(file),
      ]
      const { status, stdout } = spawnSync('lintian', words, { encoding: 'utf8' })
      const lines = stdout.split('\n').filter((line) => line !== '')
      t.equal(status, 0, stdout)
      // Later releases know the field.
      const unused = lines.filter((line) => /unused-override(?!.*Static-Built-Using)/.test(line))
      t.same(unused, [])
      t.same(
        lines.filter((line) => !line.startsWith('I: ')),
        [],
      )
    },
  )
})
