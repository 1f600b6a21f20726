import { readdirSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs'
import t from 'tap'
import {
  readSignatureFiles,
  SETTLED_AFTER_SECONDS,
  settledDate,
} from '../../../../../src/scanner/scan/scanners/signatures/signature-files.ts'
import { findSignaturesInUse } from '../../../../../src/scanner/scan/scanners/signatures/signatures-in-use.ts'

const NOW = 1_800_000_000_000
const cvd = (number: number) =>
  `ClamAV-VDB:08 Apr 2025 08-43 -0400:${number}:2000000:90:md5:sig:raynman:1`
const read = (directory: string) => readSignatureFiles(directory, NOW)

t.test('a directory that is missing or has no signatures returns nothing', async (t) => {
  t.equal(await read('/nonexistent'), undefined)
  t.equal(await read(t.testdir({ 'freshclam.dat': '', 'mirrors.dat': '' })), undefined)
})

t.test("ClamAV's own files have a number, and those of a site have none", async (t) => {
  const directory = t.testdir({ 'daily.cld': cvd(27_600), 'main.cvd': cvd(62), 'x.ndb': 'x' })
  t.match(await read(directory), { official: { number: 27_600 }, seen: NOW / 1000 })
  const { changed, official, others } = (await read(directory))!
  t.equal(changed, Math.max(official!.changed, others!))
})

t.test("ClamAV's own files count as those of a site if their number cannot be read", async (t) => {
  for (const daily of ['', 'ClamAV-VDB:08 Apr', 'ClamAV-VDB:a:b:c']) {
    const found = await read(t.testdir({ 'daily.cvd': daily, 'main.cvd': cvd(62) }))
    t.equal(found?.official, undefined)
    t.equal(found?.others, found?.changed)
  }
})

t.test('a file counts as changed when it was copied here, whatever time it has', async (t) => {
  const directory = t.testdir({ 'x.ndb': '' })
  const before = Date.now() / 1000
  writeFileSync(`${directory}/y.ndb`, '')
  utimesSync(`${directory}/y.ndb`, 1, 1)
  const { changed } = (await read(directory))!
  t.ok(changed >= before && changed < before + 60, `${changed - before}`)
  const later = before + 1000.5
  utimesSync(`${directory}/x.ndb`, later, later)
  t.ok(Math.abs((await read(directory))!.changed - later) < 0.1, 'to the millisecond')
})

t.test('a file of a site that is gone is a change of when it was missed', async (t) => {
  const directory = t.testdir({ 'x.ndb': 'x', 'x.ign2': 'x', 'daily.cvd': cvd(1), 'main.cvd': '' })
  const later = (seconds: number) => NOW + seconds * 1000
  const first = (await read(directory))!
  t.equal(first.own, 'x.ign2 1\nx.ndb 1\n')
  t.same(await readSignatureFiles(directory, later(0), first), first)
  unlinkSync(`${directory}/main.cvd`) // freshclam puts main.cld there
  t.equal((await readSignatureFiles(directory, later(1), first))?.others, first.others)
  unlinkSync(`${directory}/x.ign2`)
  const missed = (await readSignatureFiles(directory, later(2), first))!
  t.match(missed, { changed: NOW / 1000 + 2, others: NOW / 1000 + 2, own: 'x.ndb 1\n' })
  unlinkSync(`${directory}/daily.cvd`)
  t.match(await readSignatureFiles(directory, later(3), missed), { others: NOW / 1000 + 2 })
  unlinkSync(`${directory}/x.ndb`)
  writeFileSync(`${directory}/daily.cvd`, cvd(1))
  const last = (await readSignatureFiles(directory, later(4), missed))!
  t.match(last, { others: NOW / 1000 + 4, own: undefined })
  t.equal((await readSignatureFiles(directory, later(5), last))?.others, last.others)
})

t.test('every file that ClamAV loads counts, and no other', async (t) => {
  const endings = [
    ...['cvd', 'cld', 'cud', 'hdb', 'mdb', 'ndb', 'hdu', 'mdu', 'ndu', 'hsb', 'msb', 'hsu', 'msu'],
    ...['ldb', 'ldu', 'cdb', 'fp', 'sfp', 'ign', 'ign2', 'yar', 'yara', 'ftm', 'gdb', 'pdb', 'wdb'],
    ...['cbc', 'zmd', 'rmd', 'idb', 'crb', 'cfg', 'db', 'sdb', 'imp', 'ioc', 'pwdb', 'cat'],
    ...['NDB', 'Ldb', 'YARA'],
  ]
  for (const ending of endings) {
    t.equal((await read(t.testdir({ [`x.${ending}`]: 'abc' })))?.size, 3, ending)
  }
  const all = Object.fromEntries(endings.map((ending) => [`x.${ending}`, 'abc']))
  t.equal((await read(t.testdir(all)))?.size, 3 * endings.length, 'all of them count')
  for (const name of ['x.txt', 'x.ndb.tmp', 'ndb', 'x.cxd', 'x.xdb', 'x.xdu', 'x.xsb', 'x.xsu']) {
    t.equal(await read(t.testdir({ [name]: 'abc' })), undefined, name)
  }
})

t.test("ClamAV's own files are main, daily and bytecode; daily has the number", async (t) => {
  const officialAmong = async (files: Readonly<Record<string, string>>) => {
    const found = await read(t.testdir(files))
    return [found?.official?.number, found?.others !== undefined]
  }
  const number = cvd(7)
  for (const daily of ['daily.cvd', 'daily.cld']) {
    t.same(await officialAmong({ [daily]: number }), [7, false], daily)
    for (const name of ['main.cvd', 'main.cld', 'main.cud', 'bytecode.cld', 'daily.cud']) {
      t.same(await officialAmong({ [daily]: number, [name]: number }), [7, false], name)
    }
    for (const name of ['mydaily.cvd', 'daily.cvd.fp', 'other.cvd', 'safemain.cvd', 'main.ndb']) {
      t.same(await officialAmong({ [daily]: number, [name]: number }), [7, true], name)
    }
  }
  for (const name of ['daily.cud', 'mydaily.cvd', 'daily.cvd.fp']) {
    t.same(await officialAmong({ [name]: number }), [undefined, true], name)
  }
  t.same(
    await officialAmong({ 'daily.cvd': ` ${number}` }),
    [undefined, true],
    'not at its beginning',
  )
})

t.test('no descriptor of a file stays open', async (t) => {
  const directory = t.testdir({ 'daily.cvd': cvd(7) })
  const open = () => readdirSync('/proc/self/fd').length
  await read(directory)
  const before = open()
  for (let n = 0; n < 20; n++) await read(directory)
  t.ok(open() < before + 20)
})

t.test('a scan counts from when the files were read, if that was earlier', async (t) => {
  const files = { changed: 100.5, size: 0, seen: 200.7 }
  for (const [read, now, since] of [
    [files, 300_000, 200],
    [files, 150_900, 150],
    [undefined, 300_900, 300],
  ] as const) {
    t.match(await findSignaturesInUse([], read, now), { since })
  }
  t.equal(settledDate(files), 100.5 + SETTLED_AFTER_SECONDS)
  t.equal(settledDate(undefined), undefined)
})
