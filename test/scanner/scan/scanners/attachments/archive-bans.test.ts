import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { zipSync } from 'fflate'
import t from 'tap'
import { compileGlob } from '../../../../../src/base/text/glob.ts'
import { archiveSignatures } from '../../../../../src/scanner/scan/scanners/attachments/archive-bans.ts'
import {
  banName,
  listFingerprint,
  ruleByName,
} from '../../../../../src/scanner/scan/scanners/attachments/ban-names.ts'
import { lacks } from '../../../../needs.mjs'

/** The signatures of `onescan bans`, read by ClamAV itself. */

const clamscanMissing = lacks('clamscan')

/** The names of signatures that clamscan finds in each of these files. */
function foundBy(
  signatures: string,
  directory: string,
  archives: readonly Uint8Array[],
): string[][] {
  const place = join(directory, 'archives')
  mkdirSync(place, { recursive: true })
  for (const [at, archive] of archives.entries()) writeFileSync(join(place, String(at)), archive)
  const database = join(directory, 'bans.cdb')
  writeFileSync(database, Buffer.from(signatures, 'latin1'))
  const words = ['--database', database, '--allmatch', '--infected', '--no-summary', '-r', place]
  const { stdout, stderr, status } = spawnSync('clamscan', words, { maxBuffer: 64 << 20 })
  if (status === 2) throw new Error(stderr.toString())
  const found: Set<string>[] = archives.map(() => new Set())
  for (const [, at, name] of stdout.toString().matchAll(/archives\/(\d+): (\S+) FOUND/g)) {
    found[Number(at)]!.add(name!) // --allmatch prints some twice
  }
  return found.map((names) => [...names])
}

const zipOf = (name: string) => zipSync({ [name]: Buffer.from(`in ${name}`) })

t.test('a rule is read back from the name of its signature', async (t) => {
  const anyText = fc.string({ unit: 'grapheme', minLength: 1 })
  fc.assert(
    fc.property(anyText, fc.boolean(), (rule, isOurs) => {
      const name = `${banName(rule)}${isOurs ? '.UNOFFICIAL' : ''}`
      return ruleByName(name) === rule && /^[A-Za-z0-9.%]+$/.test(name)
    }),
  )
  t.equal(ruleByName('Win.Trojan.Banned.exe'), undefined)
  t.equal(ruleByName('Banned.Exe.UNOFFICIAL'), 'Exe', 'what somebody else has named')
})

t.test('a name is banned in archives as outside of them', { skip: clamscanMissing }, async (t) => {
  const letters = fc.constantFrom(
    'a',
    'B',
    'é',
    'É',
    'ж',
    '1',
    '.',
    ' ',
    '-',
    '(',
    '[',
    '+',
    '$',
    '|',
  )
  const pattern = fc
    .array(fc.oneof(letters, fc.constantFrom('*', '?')), { minLength: 1, maxLength: 6 })
    .map((parts) => parts.join(''))
    .filter((text) => text.trim() === text && !text.endsWith('.'))
  const name = fc
    .array(letters, { minLength: 1, maxLength: 6 })
    .map((parts) => parts.join(''))
    .filter((text) => text.replace(/[. ]/g, '') !== '' && !/^[ .]/.test(text))
  const patterns = [...new Set(fc.sample(pattern, 60).map((text) => text.toLowerCase()))]
  const names = fc.sample(name, 150)
  const found = foundBy(archiveSignatures(patterns), t.testdir(), names.map(zipOf))
  for (const [at, text] of names.entries()) {
    const bare = text.replace(/[. ]+$/, '')
    const expected = patterns.filter((wanted) => compileGlob(wanted, '*?')(bare))
    const rules = found[at]!.map((signature) => ruleByName(signature)!)
    // Here `?` may also be a byte of a character, and what Windows drops at the end may count.
    const mayAlso = (rule: string) => rule.includes('?') || compileGlob(rule, '*?')(text)
    const exact = rules.filter((rule) => expected.includes(rule) || !mayAlso(rule))
    t.same(exact.sort(), expected.sort(), `name "${text}"`)
  }
})

t.test(
  'names are banned as Windows and code pages have them',
  { skip: clamscanMissing },
  async (t) => {
    const names = [
      ...[
        'a.EXE',
        'dir/b.exe',
        'dir\\b.exe',
        'c.exe.',
        'd.exe . ',
        'e．exe',
        'f。exe',
        'Übung.doc',
      ],
    ]
    const others = ['a.exe.txt', 'exe', 'a.execute', 'dir.exe/a.txt', 'bung.doc']
    const inPages = [0x9a, 0xdc].map((letter) => withRawName(letter, 'bung.doc'))
    const archives = [...names, ...others].map(zipOf)
    const signatures = archiveSignatures(['*.exe', 'übung.*'])
    const found = foundBy(signatures, t.testdir(), [...archives, ...inPages])
    for (const [at, name] of names.entries()) t.equal(found[at]!.length, 1, name)
    for (const [at, name] of others.entries()) t.same(found[names.length + at], [], name)
    for (const signatures of found.slice(-2))
      t.same(signatures, ['Banned.%C3%BCbung.%2A.UNOFFICIAL'])
  },
)

/** A zip whose name begins with this byte, which is a letter in some code page. */
function withRawName(letter: number, rest: string): Buffer {
  const archive = Buffer.from(zipOf(`#${rest}`))
  for (let at = archive.indexOf('#'); at >= 0; at = archive.indexOf('#', at)) archive[at] = letter
  return archive
}

t.test('ten thousand patterns, and slow ones, are quick', { skip: clamscanMissing }, async (t) => {
  const many = Array.from({ length: 10_000 }, (_, at) => `*.kind${at}`)
  const slow = `${'*a'.repeat(100)}*b`
  const signatures = archiveSignatures([...many, slow])
  const [found, none] = foundBy(signatures, t.testdir(), [
    zipOf('x.kind77'),
    zipOf('a'.repeat(250)),
  ])
  t.same(found, ['Banned.%2A.kind77.UNOFFICIAL'])
  t.same(none, [])
})

t.test('a pattern that ClamAV could not read is refused by name', async (t) => {
  const pattern = `*.${'é'.repeat(400)}`
  t.throws(() => archiveSignatures(['*.exe', pattern]), {
    kind: 'config',
    message: /^name \*\.é+: is too long/,
  })
})

t.test('the fingerprint of a list distinguishes lists, in any order', async (t) => {
  t.equal(listFingerprint(['*.exe', '*.SCR']), listFingerprint(['*.scr', '*.exe', '*.exe']))
  t.not(listFingerprint(['*.exe']), listFingerprint(['*.scr']))
  t.match(
    archiveSignatures(['*.exe']),
    new RegExp(`^Banned\\.List\\.${listFingerprint(['*.exe'])}:`, 'm'),
  )
})
