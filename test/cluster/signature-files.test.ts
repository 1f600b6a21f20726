import { utimesSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { readSignatureFiles } from '../../src/cluster/signature-files.ts'

/** What lies where ClamAV keeps its signatures. */

const NOW = 1_800_000_000_000
const cvd = (number: number) =>
  `ClamAV-VDB:08 Apr 2025 08-43 -0400:${number}:2000000:90:md5:sig:raynman:1`
const read = (directory: string) => readSignatureFiles(directory, NOW)

t.test('no directory, or none with signatures, tells nothing', async (t) => {
  t.equal(read('/nonexistent'), undefined)
  t.equal(read(t.testdir({ 'freshclam.dat': '', 'mirrors.dat': '' })), undefined)
})

t.test('those of ClamAV have a number, those of a site have none', async (t) => {
  const directory = t.testdir({ 'daily.cld': cvd(27_600), 'main.cvd': cvd(62), 'x.ndb': 'x' })
  t.match(read(directory), { official: { number: 27_600 }, seen: NOW / 1000 })
  const { changed, official, others } = read(directory)!
  t.equal(changed, Math.max(official!.changed, others!))
})

t.test('without a number that can be read they are as those of a site', async (t) => {
  for (const daily of ['', 'ClamAV-VDB:08 Apr', 'ClamAV-VDB:a:b:c']) {
    const found = read(t.testdir({ 'daily.cvd': daily, 'main.cvd': cvd(62) }))
    t.equal(found?.official, undefined)
    t.equal(found?.others, found?.changed)
  }
})

t.test('a file has changed when it came here, whatever time it brings', async (t) => {
  const directory = t.testdir({ 'x.ndb': '' })
  const before = Date.now() / 1000
  writeFileSync(`${directory}/y.ndb`, '')
  utimesSync(`${directory}/y.ndb`, 1, 1)
  const { changed } = read(directory)!
  t.ok(changed >= before && changed < before + 60, `${changed - before}`)
  const later = before + 1000.5
  utimesSync(`${directory}/x.ndb`, later, later)
  t.ok(Math.abs(read(directory)!.changed - later) < 0.1, 'to the millisecond')
})
