import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import t from 'tap'
import { codeBlocks } from './code-blocks.ts'

/** What README.md and the pages of doc/ state that can be looked up. */

const root = join(import.meta.dirname, '../..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')
const readme = read('README.md')
const pages = readdirSync(join(root, 'doc'))
  .filter((name) => name.endsWith('.md'))
  .map((name) => `doc/${name}`)
/** Those for contributors, which no package installs. */
const forContributors = readdirSync(join(root, 'doc/development')).map(
  (name) => `doc/development/${name}`,
)
const ofBoxes = globSync('src/*/README.md', { cwd: root }).sort()
const documents = [
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  ...pages,
  ...forContributors,
  ...ofBoxes,
]
const manifest: { scripts: Record<string, string>; man: string[]; version: string } = JSON.parse(
  read('package.json'),
)

t.test('each example is quoted byte for byte, or named', async (t) => {
  const quoted = ['README.md', ...pages].flatMap((page) =>
    [...read(page).matchAll(/^<!-- (\S+) -->\n```\w*\n([\s\S]*?)^```$/gm)].map(
      ([, path = '', text = '']) => ({ page, path, text }),
    ),
  )
  const examples = readdirSync(join(root, 'packaging/shipped/examples'), {
    recursive: true,
    withFileTypes: true,
  })
    .filter((entry) => entry.isFile())
    .map((entry) =>
      join(relative(join(root, 'packaging/shipped/examples'), entry.parentPath), entry.name),
    )
  const isNamed = (path: string) =>
    [...pages, 'man/smtp-delay.8'].some((page) =>
      new RegExp(`(?:[/\`]|^\\.Pa )${basename(path)}[\`\\s]`, 'm').test(read(page)),
    )
  const unquoted = examples.filter((name) =>
    quoted.every(({ path }) => path !== `packaging/shipped/examples/${name}`),
  )
  t.same(unquoted.filter((name) => !isNamed(name)), []) // biome-ignore format: a line
  for (const { path } of quoted)
    t.ok(examples.includes(relative('packaging/shipped/examples', path)), path)
  for (const { page, path, text } of quoted) t.equal(text, read(path), `${page}: ${path}`)
})

t.test('no command of a page needs documents, which many hosts do not install', async (t) => {
  const blocks = codeBlocks()
  t.ok(blocks.length > 100)
  for (const { page, text } of blocks) t.notMatch(text, '/usr/share/doc', page)
})

t.test('the README leads to every page, and is one page itself', async (t) => {
  for (const page of pages) t.ok(readme.includes(`](${page}`), page)
  const lines = readme.trimEnd().split('\n').length
  t.ok(lines <= 90, `${lines} lines`)
  const words = readme.trim().split(/\s+/).length
  t.ok(words <= 690, `${words} words`)
  const contributing = read('CONTRIBUTING.md')
  for (const page of [...forContributors, ...ofBoxes])
    t.ok(contributing.includes(`](${page}`), page)
})

t.test('the npm scripts that documents name exist', async (t) => {
  for (const document of ['CHANGELOG.md', ...documents]) {
    for (const [, name] of read(document).matchAll(/\bnpm run ([\w:-]*\w)/g)) {
      t.ok(manifest.scripts[name!], `${document}: npm run ${name}`)
    }
  }
  t.match(read('CONTRIBUTING.md'), '\nnpm test\n')
  t.ok(manifest.scripts.test)
})

t.test('the package that is installed has the version of this one', async (t) => {
  for (const [, version] of read('doc/install.md').matchAll(/onescan-(\d+\.\d+\.\d+)\.tgz/g)) {
    t.equal(version, manifest.version)
  }
  t.match(readme, `version ${manifest.version},`)
  const compose = read('packaging/shipped/container/compose.yaml')
  t.match(compose, `/onescan:${manifest.version}}`, 'the image has it, too')
})

t.test('every link and every path leads somewhere', async (t) => {
  for (const document of documents) {
    const text = read(document)
    const targets = [...text.matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)/g)].map(
      ([, to, section]) => ({
        path: to === '' ? document : join(dirname(document), to!),
        section,
      }),
    )
    const links = targets.map(({ path }) => path)
    for (const { path, section } of targets) {
      if (section === undefined || !existsSync(join(root, path))) continue
      t.ok(sectionsOf(path).includes(section), `${document}: ${path}#${section}`)
    }
    const paths = [...text.matchAll(/`((?:src|test|packaging|doc|man)\/[\w./-]*)`/g)].map(
      ([, path]) => path!,
    )
    for (const path of [...links, ...paths]) {
      if (!path.includes('NAME')) t.ok(existsSync(join(root, path)), `${document}: ${path}`)
    }
  }
})

t.test('all pages are in one package, so that no link between them is dead', async (t) => {
  for (const list of globSync('debian/*.install', { cwd: root }))
    if (!list.endsWith('/onescan.install')) t.notMatch(read(list), '/doc/onescan/doc/', list)
})

t.test('pages that packages install link only to pages that they install', async (t) => {
  for (const page of ['README.md', 'CHANGELOG.md', 'SECURITY.md', ...pages]) {
    for (const [, to] of read(page).matchAll(/\]\((?!https?:|#)([^)#]+)/g)) {
      t.notMatch(to, /(?:^|\/)development\/|CONTRIBUTING\.md/, page)
    }
  }
})

/** The sections of a page, as its links name them. */
function sectionsOf(path: string): string[] {
  return [...read(path).matchAll(/^##+ (.*)$/gm)].map(([, title]) =>
    title!
      .toLowerCase()
      .replaceAll(/[^\w -]/g, '')
      .replaceAll(' ', '-'),
  )
}

t.test('the design names functions where they are, and types that there are', async (t) => {
  const design = read('doc/development/design.md')
  const places = [...design.matchAll(/`(src\/[\w./-]+\.ts)`:\s+`#?(\w+)`/g)]
  t.ok(places.length > 15, 'the functions were found')
  for (const [, file, name] of places) {
    const isThere = new RegExp(`(?:\\b(?:function|class) |#)${name}\\b`)
    t.ok(isThere.test(read(file!)), `${file}: ${name}`)
  }
  const [, chapter = ''] = /^## The way of a message\n([\s\S]*?)^## /m.exec(design) ?? []
  const names = [...chapter.matchAll(/`(struct [a-z]+|[A-Z]\w+)`/g)].map(([, name]) => name!)
  t.ok(names.length > 8, 'the types were found')
  const sources = [
    ...filesIn('src/scanner/scan'),
    ...filesIn('src/scanner/doors'),
    ...filesIn('src/scanner/handling'),
    ...filesIn('src/c'),
  ].map(read)
  for (const name of names) {
    const isThere = new RegExp(`^(?:export )?(?:(?:interface|type|class) )?${name}\\b[^;]*$`, 'm')
    t.ok(
      sources.some((text) => isThere.test(text)),
      name,
    )
  }
})

t.test('files that a table of folders names are in that folder', async (t) => {
  const rows = [...ofBoxes, 'doc/development/testing.md', 'doc/development/release.md'].flatMap(
    (page) =>
      [...read(page).matchAll(/^\| `([\w./-]+)` \| (.*)$/gm)].map(([, path, text]) => ({
        folder: ofBoxes.includes(page) ? join(dirname(page), path!) : path!,
        text: text!,
      })),
  )
  t.ok(rows.length > 60, 'the folders were found')
  for (const { folder, text } of rows) {
    t.ok(existsSync(join(root, folder)), folder)
    if (/\.\w+$|Makefile$/.test(folder)) continue
    const below = readdirSync(join(root, folder), { recursive: true }).map((name) => `/${name}/`)
    for (const [, name] of text.matchAll(/`([\w-]+(?:\/|\.[a-z]+))`/g)) {
      const place = `/${name!.replace(/\/$/, '')}/`
      t.ok(name === 'src/' || below.some((path) => path.endsWith(place)), `${folder}: ${name}`)
    }
  }
})

t.test('the README of a box fits on a screen, and names three files to read first', async (t) => {
  for (const page of ofBoxes) {
    const text = read(page)
    t.ok(text.split('\n').length <= 75, page)
    const first = [...text.matchAll(/^\d\. `([\w./-]+\.ts)`: /gm)].map(([, file]) => file!)
    t.equal(first.length, 3, page)
    for (const file of first) t.ok(existsSync(join(root, dirname(page), file)), `${page}: ${file}`)
  }
})

function filesIn(component: string): string[] {
  const names = readdirSync(join(root, component), { recursive: true }).map(String)
  return names.filter((name) => /\.(?:ts|c|h)$/.test(name)).map((name) => `${component}/${name}`)
}

t.test('the README shows lines of check that the picture of check has', async (t) => {
  const picture = read('doc/pictures/check-mail.svg').replaceAll(/<[^>]*>/g, '')
  const [, shown = ''] = /^```\n\$ (onescan check --mail [\s\S]*?)^```$/m.exec(readme) ?? []
  const lines = shown.trimEnd().split('\n')
  t.equal(lines.length, 4)
  for (const line of lines) t.ok(picture.includes(line), line)
})

t.test('a line of the README fits into a terminal', async (t) => {
  t.same(
    readme.split('\n').filter((line) => line.length > 120),
    [],
  )
})

t.test(
  'the README names the manual onescan, which names every man page, and each page exists',
  async (t) => {
    t.match(readme, '`man onescan`')
    const [, seeAlso = ''] = read('man/onescan.1').split('.Sh SEE ALSO')
    for (const page of manifest.man.filter((page) => page !== 'man/onescan.1')) {
      const [, name, number] = /([\w-]+)\.(\d)$/.exec(page) ?? []
      t.match(seeAlso, `.Xr ${name} ${number}`, page)
      t.ok(existsSync(join(root, page)), page)
    }
  },
)

t.test('the price that users read is the one that was measured', async (t) => {
  const cells = (text: string) =>
    new Map(
      text.split('\n').flatMap((line) => {
        const [, name, ...figures] = line.split('|').map((cell) => cell.trim())
        return name && figures.length >= 4 ? [[name, figures] as const] : []
      }),
    )
  const measured = cells(read('doc/development/benchmark.md').split('## Other filters')[1]!)
  const [, long = '', short = ''] = read('doc/price.md').split('\n\n## ')[0]!.split('| total,')
  const shown = new Map([...cells(short), ...cells(long)])
  const names = {
    'clamav-milter': 'clamav-milter',
    'rspamd with its antivirus module only': 'rspamd',
    'onescan, milter': 'onescan',
    'onescan, over SMTP': 'onescan over SMTP',
    'onescan, qmail': 'onescan in the slot',
    'rspamd that uses onescan as clamd': 'rspamd with onescan as clamd',
    'MIMEDefang with clamdscan': 'MIMEDefang',
    'amavis with its virus check only': 'amavis',
  }
  for (const [name, ours] of Object.entries(names)) {
    const [filter, clamd, both] = measured.get(ours)!
    const [shownFilter, shownClamd, shownBoth] = shown.get(name)!
    t.ok(Math.abs(Number(shownFilter) - Number(filter)) < 0.06, `${name}: ${filter}`)
    t.ok(Math.abs(Number(shownClamd) - Number(clamd)) < 0.06, `${name}: ${clamd}`)
    t.ok(Math.abs(Number(shownBoth) - Number.parseFloat(both!)) < 0.06, `${name}: ${both}`)
  }
  const [, ratioOfTwo, ratioAsClamd] = /^\| \[CPU time\].* \| ([\d.]+) \| ([\d.]+) \|$/m.exec(
    read('doc/rspamd.md'),
  )!
  const total = (name: string) => Number.parseFloat(measured.get(name)![2]!)
  const twoMilters = total('rspamd without its antivirus module, and onescan') / total('rspamd')
  t.ok(Math.abs(Number(ratioOfTwo) - twoMilters) < 0.06)
  const asClamd = total('rspamd with onescan as clamd') / total('rspamd')
  t.ok(Math.abs(Number(ratioAsClamd) - asClamd) < 0.06)
  const [, ratio] = /([\d.]+) times clamav-milter's CPU time/.exec(readme)!
  t.equal(Number(ratio), Number.parseFloat(measured.get('onescan')![2]!))
})
