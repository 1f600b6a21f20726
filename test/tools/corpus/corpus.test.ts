import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import PostalMime from 'postal-mime'
import t from 'tap'
import { startAskedClamd } from '../../../tools/corpus/asked-clamd.ts'
import type { Manifest } from '../../../tools/corpus/manifest.ts'
import { corpusMessages } from '../../../tools/corpus/messages.ts'
import { writeCorpus } from '../../../tools/corpus/write-corpus.ts'
import { ordinaryMails } from '../../cases/ordinary/all.ts'
import { lacks } from '../../needs.mjs'
import { rspamdClients } from '../../programs/clamd-clients/rspamd.ts'
import { clamdMissing } from '../../programs/servers/clamd.ts'
import { isWhole } from '../../run/is-whole.ts'
import { evasions } from '../../scanner/scan/scanners/evasions/all.ts'
import { startClamdForEvasions } from '../../scanner/scan/scanners/evasions/clamd.ts'
import { byDigestAlone } from '../../scanner/scan/scanners/evasions/digest-alone.ts'
import { signs } from '../../scanner/scan/scanners/evasions/files.ts'

const root = join(import.meta.dirname, '../../..')
const firstPage = readFileSync(join(root, 'README.md'), 'utf8').replaceAll(/\s+/g, ' ')
/** The version of clamd and the number of messages in which each finds the file, as the first page states them. */
const [, statedClamd, byClamd, byRspamd, byOnescan] =
  /clamd ([\d.]+) finds ([\d,]+), rspamd's module ([\d,]+), onescan ([\d,]+)\./.exec(firstPage)! // biome-ignore format: a line

/** The same for rspamd's module if it passes each message as a whole. */
const [, byWholeMails] =
  /the module of rspamd 3\.4 [\d,]+ \(([\d,]+) with `scan_mime_parts = false`\)/.exec(
    readFileSync(join(root, 'doc/second-look.md'), 'utf8').replaceAll(/\s+/g, ' '),
  )!

/** It opens a few of the messages. */
const reader = {
  names: ['a reader'],
  opening: async (message: Buffer) => (message.length % 7 === 0 ? ['a reader'] : []),
}

const directory = join(t.testdir(), 'corpus')
const clamd = clamdMissing ? { missing: clamdMissing } : await startAskedClamd(t)
const manifest = await writeCorpus(directory, { clamd, readers: reader })
const { messages, hidden } = manifest
const inCrlf = (text: string) => Buffer.from(text.replaceAll('\n', '\r\n'), 'latin1')
const hiding = messages.filter(({ group }) => group === 'hiding')
const read = (file: string) => readFileSync(join(directory, file))
const readme = read('README.md').toString()

t.test('the manifest has each message of the tests once, as the tests have it', async (t) => {
  const kinds = Object.entries(evasions).flatMap(([kind, list]) =>
    list.map((evasion) => ({ kind, ...evasion })),
  )
  t.same(hiding.map(({ name, kind }) => ({ name, kind })), kinds.map(({ name, kind }) => ({ name, kind }))) // biome-ignore format: a line
  for (const [index, { text, openedBy }] of kinds.entries()) {
    const { name, file, ...entry } = hiding[index]!
    const message = Buffer.from(text(), 'latin1')
    if (!read(file).equals(message)) t.fail(`${name}: ${file} differs`)
    const opened = await reader.opening(message)
    if (opened.length === 0) opened.push(...(await reader.opening(inCrlf(text()))))
    const programs = [...opened, ...(openedBy ? [openedBy] : [])]
    t.same(entry.openedBy, programs, name)
  }
  const ordinary = messages.filter(({ group }) => group === 'ordinary')
  const small = ordinaryMails.filter(({ isForSize }) => !isForSize)
  t.same(ordinary.map(({ name }) => name), small.map(({ what }) => what)) // biome-ignore format: a line
  for (const [index, { what, message }] of small.entries()) {
    const { kind, file, hides, openedBy } = ordinary[index]!
    if (!read(file).equals(message())) t.fail(`${what}: ${file} differs`)
    t.same({ kind, hides, openedBy }, { kind: 'ordinary', hides: [], openedBy: [] }, what)
  }
})

t.test('no two messages have the same name or file', async (t) => {
  t.equal(new Set(messages.map(({ name }) => name)).size, messages.length)
  t.equal(new Set(messages.map(({ file }) => file)).size, messages.length)
  for (const { file } of messages) t.match(file, /^(hiding\/[a-z0-9-]+|ordinary)\/[a-z0-9-]+\.eml$/)
})

t.test('sizes and digests are those of the files, and no other file is there', async (t) => {
  const listed = [...messages, ...hidden]
  for (const { file, size, sha256 } of listed) {
    const bytes = read(file)
    const digest = createHash('sha256').update(bytes).digest('hex')
    t.same({ size, sha256 }, { size: bytes.length, sha256: digest }, file)
  }
  const there = readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(directory.length + 1))
    .filter((name) => !name.startsWith('database/'))
  const files = [...listed.map(({ file }) => file), 'README.md', 'manifest.json']
  t.same(there.sort(), files.sort())
})

t.test('manifest.json has the fields that the README names, and no others', async (t) => {
  const stored: Manifest = JSON.parse(read('manifest.json').toString())
  t.same(stored, manifest)
  t.same(Object.keys(stored).sort(), ['clamd', 'hidden', 'manifest', 'messages', 'onescan', 'readers']) // biome-ignore format: a line
  t.equal(stored.onescan, JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version)
  const table = readme.slice(readme.indexOf('| field |'), readme.indexOf('`hidden` lists'))
  const rows = [...table.matchAll(/^\| (`.*?) \|/gm)].map(([, names]) => names!)
  const fields = rows.flatMap((names) => names.match(/\w+/g))
  for (const entry of messages) t.same(Object.keys(entry).sort(), [...fields].sort(), entry.name)
})

t.test(
  'the README has the figures of the manifest, and the first page has them, too',
  async (t) => {
    const count = hiding.length.toLocaleString('en')
    t.match(readme, `Each of the ${count} messages in`)
    t.match(readme, `The ${messages.length - hiding.length} messages in`)
    t.match(firstPage, `Of ${count} that we [hid]`)
    const found = hiding.length - Object.keys(byDigestAlone).length
    t.equal(byOnescan, found.toLocaleString('en'))
    const rows = [...readme.matchAll(/^\| ([^|`]+) \| ([\d,]+) \|/gm)]
    const kinds = new Map(rows.map(([, kind, number]) => [kind, Number(number!.replace(',', ''))]))
    for (const kind of new Set(messages.map((entry) => entry.kind))) {
      t.equal(kinds.get(kind), messages.filter((entry) => entry.kind === kind).length, kind)
    }
    t.equal(kinds.get('all that hide a file'), hiding.length)
    const notKnown = (list: 'hides' | 'openedBy') =>
      hiding.filter((entry) => entry[list].length === 0).length
    for (const list of ['hides', 'openedBy'] as const) {
      t.match(readme, new RegExp(`^\\| \`${list}\` .*\\(${notKnown(list)} messages\\)`, 'm'))
    }
  },
)

t.test('postal-mime gets the file out of a message that the manifest names', async (t) => {
  t.same(hidden.map(({ name, file }) => ({ name, bytes: read(file) })), signs.map(({ name, bytes }) => ({ name, bytes }))) // biome-ignore format: a line
  const opened = new Set<string>()
  for (const { name, kind, file, hides } of hiding) {
    const { attachments } = await PostalMime.parse(read(file)).catch(() => ({ attachments: [] }))
    const contents = attachments.map(({ content }) => Buffer.from(content as ArrayBuffer))
    for (const sign of hidden) {
      if (!contents.some((content) => content.equals(read(sign.file)))) continue
      opened.add(kind)
      t.ok(hides.length === 0 || hides.includes(sign.name), `${name}: ${sign.name}`)
    }
  }
  for (const kind of ['structure', 'types', 'fields', 'base64', 'quoted-printable', 'whole files'])
    t.ok(opened.has(kind), kind)
  const unknown = hiding.filter(({ hides }) => hides.length === 0)
  t.ok(unknown.length < hiding.length / 40, `not known of ${unknown.length}`)
})

t.test(
  "the README's example of a parser finds what the manifest names",
  { skip: lacks('python3') },
  async (t) => {
    const [, example] = /```python\n(.*?)```/s.exec(readme)!
    const { stdout, status } = spawnSync('python3', ['-c', example!], {
      cwd: directory,
      encoding: 'utf8',
    })
    t.equal(status, 0)
    const lines = stdout.trimEnd().split('\n')
    t.equal(lines.length, messages.length)
    let opened = 0
    for (const [index, line] of lines.entries()) {
      const [group, names, name] = line.split('\t')
      const { hides, ...entry } = messages[index]!
      t.same({ group, name }, { group: entry.group, name: entry.name })
      if (names === '-') continue
      opened++
      if (hides.length > 0) for (const file of names!.split(',')) t.ok(hides.includes(file), line)
    }
    t.ok(opened > 200, `it opens ${opened}`)
  },
)

t.test('without clamd no answer is made up', async (t) => {
  const place = join(t.testdir(), 'corpus')
  const clamd = { missing: 'there is none' }
  const [first, second] = corpusMessages()
  const corpus = [first!, second!]
  const { messages } = await writeCorpus(place, { clamd, readers: reader, corpus })
  t.equal(messages.length, corpus.length)
  const stored: Manifest = JSON.parse(readFileSync(join(place, 'manifest.json'), 'utf8'))
  t.same(stored.clamd, clamd)
  t.ok(messages.every((entry) => entry.clamd === null))
  const text = readFileSync(join(place, 'README.md'), 'utf8')
  t.match(text, 'clamd was not asked: there is none.')
  t.notMatch(text, '| found |')
})

t.test('an existing directory is left as it is', async (t) => {
  const place = t.testdir({ own: 'file' })
  await t.rejects(writeCorpus(place, { clamd: { missing: '' }, readers: reader }), {
    code: 'EEXIST',
  })
  t.same(readdirSync(place), ['own'])
})

t.test(
  'clamscan answers as in the manifest',
  { skip: clamdMissing || lacks('clamscan') },
  async (t) => {
    if (!('version' in clamd)) return
    t.match(readme, clamd.version)
    const row = /^\| all that hide a file \| [\d,]+ \| ([\d,]+) \| ([\d,]+) \| ([\d,]+) \|/m.exec(
      readme,
    )!
    const [own, limit, clean] = row.slice(1).map((figure) => Number(figure.replace(',', '')))
    if (clamd.version === `ClamAV ${statedClamd}`)
      t.equal(own, Number(byClamd), 'the figure of the first page')
    const [, command] = /^(clamscan .*)$/m.exec(readme)!
    const [program, ...words] = command!.split(' ')
    const { stdout } = spawnSync(program!, words, {
      cwd: directory,
      encoding: 'utf8',
      maxBuffer: 2 ** 24,
    })
    const lines = [
      ...stdout.matchAll(/^(?:\.\/|.*\/corpus\/)?((?:hiding|ordinary)\/.*): (\S+) FOUND$/gm),
    ]
    const names = new Map(lines.map(([, file, name]) => [file, name]))
    const answers = hiding.map(({ file }) => names.get(file) ?? 'clean')
    t.equal(answers.filter((name) => name === 'clean').length, clean)
    t.equal(answers.filter((name) => name.startsWith('Heuristics.Limits.')).length, limit)
    t.equal(answers.length, own! + limit! + clean!)
    for (const entry of messages) t.equal(entry.clamd, names.get(entry.file) ?? 'clean', entry.name)
    for (const { group, clamd, name } of messages)
      if (group === 'ordinary') t.match(clamd, /^(clean|Heuristics\.Limits\..*)$/, name)
  },
)

const modules = [
  ['rspamd with scan_mime_parts', byRspamd],
  ['rspamd', byWholeMails],
] as const
for (const [name, figure] of isWhole ? modules : []) {
  t.test(
    `the antivirus module of ${name} finds as many as the pages state`,
    { skip: clamdMissing || lacks('rspamd') },
    async (t) => {
      if (!('version' in clamd) || clamd.version !== `ClamAV ${statedClamd}`) return
      const { tcp } = await startClamdForEvasions(t, { tcp: true })
      const client = rspamdClients.find((one) => one.name === name)!
      const judge = await client.start(t, { port: Number(tcp.split(':')[1]) })
      const refused: string[] = []
      for (const { file, name } of hiding) {
        if ((await judge(read(file))) === 'refused') refused.push(name)
      }
      t.equal(refused.length, Number(figure))
      for (const { file, name } of messages.filter(({ group }) => group === 'ordinary')) {
        t.not(await judge(read(file)), 'refused', name)
      }
    },
  )
}
