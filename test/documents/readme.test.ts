import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'

/** What README.md and its companions say that can be looked up. */

const root = join(import.meta.dirname, '../..')
const documents = [
  'README.md',
  'CONTRIBUTING.md',
  'doc/why-no-mail-is-lost.md',
  'doc/content-scanner-rules.md',
]
const read = (path: string) => readFileSync(join(root, path), 'utf8')
const readme = read('README.md')
const manifest: { scripts: Record<string, string>; man: string[]; version: string } = JSON.parse(
  read('package.json'),
)

t.test('each example is quoted byte for byte', async (t) => {
  const quoted = new Map(
    [...readme.matchAll(/^<!-- (\S+) -->\n```\w*\n([\s\S]*?)^```$/gm)].map(
      ([, path = '', text = '']) => [path, text],
    ),
  )
  const examples = readdirSync(join(root, 'packaging/examples'))
  t.same([...quoted.keys()].sort(), examples.map((name) => `packaging/examples/${name}`).sort())
  for (const [path, text] of quoted) t.equal(text, read(path), path)
})

t.test('the npm scripts that documents name exist', async (t) => {
  for (const document of ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md']) {
    for (const [, name] of read(document).matchAll(/\bnpm run (\w+)/g)) {
      t.ok(manifest.scripts[name!], `${document}: npm run ${name}`)
    }
  }
  t.match(readme, '\nnpm test\n')
  t.ok(manifest.scripts.test)
})

t.test('the package that is installed has the version of this one', async (t) => {
  for (const [, version] of readme.matchAll(/onescan-(\d+\.\d+\.\d+)\.tgz/g)) {
    t.equal(version, manifest.version)
  }
})

t.test('every link and every path leads somewhere', async (t) => {
  for (const document of documents) {
    const text = read(document)
    const links = [...text.matchAll(/\]\((?!https?:)([^)#]+)\)/g)].map(([, to]) =>
      join(dirname(document), to!),
    )
    const paths = [...text.matchAll(/`((?:src|test|packaging|doc|man)\/[\w./-]*)`/g)].map(
      ([, path]) => path!,
    )
    for (const path of [...links, ...paths]) {
      if (!path.includes('NAME')) t.ok(existsSync(join(root, path)), `${document}: ${path}`)
    }
  }
})

t.test('every man page is named where one can read on', async (t) => {
  for (const page of manifest.man) {
    const [, name, number] = /([\w-]+)\.(\d)$/.exec(page) ?? []
    t.match(readme, `- \`${name}(${number})\``, page)
    t.ok(existsSync(join(root, page)), page)
  }
})
