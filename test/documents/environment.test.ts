import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { checkVariables, settings } from '../../src/cli/check/variables.ts'
import { host } from '../cli/check/host.ts'
import { readPage, section } from './man-page.ts'

/** What the slot reads of its environment, in onescan-queue(8) and in doc/settings.md. */

const root = join(import.meta.dirname, '../..')
const read = namesInSource()
const page = namesInPage()
const settingsPage = namesInSettingsPage()

/** Everybody has a PATH; the other is a second spelling for IndiMail's sake. */
const notForTable = new Set(['PATH', 'QUEUE_PLUGIN_SYMB'])

t.test('onescan-queue(8) has every variable that the slot reads, and no other', async (t) => {
  t.ok(read.size > 30, 'the reads were found')
  t.same([...page].sort(), [...read].sort())
})

t.test('onescan check takes none of them for misspelt, and knows no other', async (t) => {
  for (const name of read) t.same(checkVariables(host({ [name]: 'x' })), [], name)
  const unread = settings.filter((name) => !read.has(name) && !name.startsWith('QUOTALDAP'))
  t.same(unread, [])
})

t.test('the table of doc/settings.md has them, too', async (t) => {
  t.same([...settingsPage].sort(), [...read].filter((name) => !notForTable.has(name)).sort())
})

function namesInSource(): Set<string> {
  const names = new Set<string>()
  for (const file of readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts') || /^(cli|smtp-delay|quotad|ldap)\//.test(file)) continue
    const source = readFileSync(join(root, 'src', file), 'utf8')
    for (const [, name] of source.matchAll(/\benv\.([A-Z][A-Z_0-9]*)/g)) names.add(name!)
    for (const [, name] of source.matchAll(/\(\s*env,\s*'([A-Z][A-Z_0-9]*)'/g)) names.add(name!)
  }
  return names
}

/** Those that have an item of their own. */
function namesInPage(): Set<string> {
  const mdoc = section(readPage('onescan-queue.8'), 'ENVIRONMENT')
  const items = [...mdoc.matchAll(/^\.It Ev (.*)$/gm)].flatMap(([, names]) => names!.split(' , '))
  return new Set(items)
}

function namesInSettingsPage(): Set<string> {
  const text = readFileSync(join(root, 'doc/settings.md'), 'utf8')
  const [, table] = text.split('\n| variable | default | effect |\n')
  const rows = table!.split('\n\n')[0]!.split('\n').slice(1)
  const names = rows.flatMap((row) => [...row.split('|')[1]!.matchAll(/`([A-Z_]+)`/g)])
  return new Set(names.map(([, name]) => name!))
}
