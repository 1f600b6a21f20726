import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { scannerEnvironment } from '../../src/base/settings/child-environment.ts'
import { misspeltSettings } from '../../src/base/settings/misspelt.ts'
import type { Setting } from '../../src/base/settings/table/kinds.ts'
import {
  isSetting,
  readFromCaller,
  settingAliases,
  settingNames,
  settingTable,
} from '../../src/base/settings/table.ts'
import { settingsOn } from '../../tools/documents/man-defaults.ts'
import { sourceFiles } from '../../tools/documents/source-files.ts'
import { readPage, section } from './man-page.ts'

/** The table of settings, and all that states the same elsewhere: sources, the C client, pages. */

const settings: Readonly<Record<string, Setting>> = settingTable

const isLog = 'bin/is-log.cjs'

/** All that reads settings: the components, and what bin/onescan-queue shares with them. */
const readers = [
  ...sourceFiles,
  { path: isLog, text: readFileSync(join(import.meta.dirname, '../..', isLog), 'utf8') },
]

/** What is read for mail, and by the quota service; a directory of users is asked by both. */
const readFor = {
  mail: namesRead((file) => !/^(scanner\/cli\/|delay\/|quota\/|base\/settings\/table)/.test(file)),
  quota: namesRead((file) => /^(quota|base\/protocol\/ldap)\//.test(file)),
}

t.test(
  'onescan-queue and onescand read the settings of the table, and what the caller sets',
  async (t) => {
    const settings = namesOf('slot', 'onescand').filter((name) => !name.startsWith('ONESCAN_'))
    t.ok(settings.length > 50)
    const expected = [...settings, ...readFromCaller.keys()]
    t.same([...readFor.mail].sort(), expected.sort())
  },
)

t.test('onescan-quotad reads exactly the settings of the table', async (t) => {
  t.same([...readFor.quota].sort(), namesOf('onescan-quotad').sort())
})

t.test('no setting is reported as a misspelt one', async (t) => {
  const known = [...settingNames, ...settingAliases, ...readFromCaller.keys()]
  t.same(misspeltSettings(Object.fromEntries(known.map((name) => [name, 'x']))), [])
})

t.test('onescan-queue(8) names the settings that scanners get', async (t) => {
  const [, listed] = /of the settings, scanners get only\n(.*?)\nTheir/is.exec(
    readPage('onescan-queue.8'),
  )!
  const got = Object.keys(
    scannerEnvironment(Object.fromEntries(settingNames.map((name) => [name, 'x']))),
  )
  t.same(listed!.match(/[A-Z]{2,}/g), got.slice(0, -1), 'all but HOME')
})

const pages = (
  ['onescan-settings.5', 'onescanc.8', 'onescan-rcptquota.8', 'onescan-quotad.8'] as const
).map((page) => ({
  page,
  environment: section(readPage(page), 'ENVIRONMENT'),
  own: settingsOn(page),
}))

/** What else the pages explain: what the caller sets, and how the program reads settings of onescan-settings(5). */
const others = {
  'onescan-settings.5': /^$/,
  'onescanc.8': /^(?!ONESCAN_)/,
  'onescan-rcptquota.8': /^(?!QUOTASOCKET$)/,
  'onescan-quotad.8': /^(LISTEN_|NOTIFY_)/,
} as const

t.test('each manual page has its settings, and no others, in the order of the table', async (t) => {
  for (const { page, environment, own } of pages) {
    const items = [...environment.matchAll(/^\.It Ev (.*)$/gm)].flatMap(([, names]) =>
      names!.split(' , '),
    )
    const isOther = (name: string) => others[page].test(name)
    const ofCaller = items.filter((name) => readFromCaller.has(name))
    if (page === 'onescan-settings.5') t.same(ofCaller, [...readFromCaller.keys()])
    if (page === 'onescan-quotad.8') t.same(ofCaller, [])
    t.same(
      items.filter((name) => !isOther(name) && !readFromCaller.has(name)),
      own.map(([name]) => name),
      page,
    )
  }
})

t.test('each word of a setting is explained on its page, and no other word', async (t) => {
  for (const { environment, own } of pages) {
    for (const [name, setting] of own) {
      if (setting.kind !== 'word') continue
      const isItsOwn = (text: string) => text.startsWith(`${name}\n`)
      const group = environment.split(/^\.Ss /m).find((text) => text.includes(`.It Ev ${name}\n`))!
      const [introduction, ...items] = group.split(/^\.It Ev /m)
      const words = wordsIn(items.find(isItsOwn)!)
      // Settings that mean the same by their words have them explained once, above all of them.
      const isExplainedAbove = words.length === 1 && words[0] === setting.default
      t.same(isExplainedAbove ? wordsIn(introduction!) : words, [...setting.words].sort(), name)
    }
  }
})

/** The words of settings that a text explains, sorted. */
function wordsIn(text: string): string[] {
  const named = [...text.matchAll(/^\.(?:Ql|Cm) ([a-z]+)(?: \S)?$/gm)].map(([, word]) => word!)
  return [...new Set(named.filter((word) => word !== 'attachments'))].sort() // the plugin
}

function namesOf(...readers: Setting['readers']): string[] {
  return settingNames.filter((name) =>
    settings[name]!.readers.some((reader) => readers.includes(reader)),
  )
}

/** `env.NAME` unless it is set, `read…(env, 'NAME'`, and the names of a chapter's values: `.NAME`, `{ NAME }`. */
function namesRead(isMeant: (file: string) => boolean): ReadonlySet<string> {
  const found = new Set<string>()
  for (const { path, text: source } of readers) {
    if (!isMeant(path)) continue
    for (const [, name] of source.matchAll(/\benv\.([A-Z][A-Z_0-9]*)\b(?! (\?\?)?= )/g))
      found.add(name!)
    for (const [, name] of source.matchAll(/\(\s*env,\s*'([A-Z][A-Z_0-9]*)'/g)) found.add(name!)
    const code = source.replace(/\/\*.*?\*\/|\/\/[^\n]*|'[^'\n]*'|`[^`]*`/gs, "''")
    for (const [, name] of code.matchAll(/(?:\.|[{,]\s*)([A-Z][A-Z_0-9]*)\b/g)) {
      if (isSetting(name!) || readFromCaller.has(name!)) found.add(name!)
    }
  }
  return found
}
