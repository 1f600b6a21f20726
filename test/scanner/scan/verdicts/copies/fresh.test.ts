import t from 'tap'
import { SETTLED_AFTER_SECONDS } from '../../../../../src/scanner/scan/scanners/signatures/signature-files.ts'
import { areAtLeastAsNew } from '../../../../../src/scanner/scan/scanners/signatures/signature-version.ts'
import {
  type CachedVerdict,
  isStillValid,
  joinVersions,
} from '../../../../../src/scanner/scan/verdicts/copies/fresh.ts'

const NOW = 1_800_000_000
const version = (number: number, engine = '1.4.3') =>
  `ClamAV ${engine}/${number}/Tue Apr  8 08:43:46 2025`
const by = (text: string) => joinVersions({ clamd: text })
type FreshnessRule = Parameters<typeof isStillValid>[1]

function counts(verdict: Partial<CachedVerdict>, standard: Partial<FreshnessRule> = {}): boolean {
  const cached: CachedVerdict = {
    found: { answer: 'clean' },
    scanners: ['clamd'],
    signatures: by(version(27_600)),
    time: NOW - 100,
    host: 'mx1',
    ...verdict,
  }
  const by27600: FreshnessRule = {
    now: NOW,
    maxAgeSeconds: 3600,
    signatures: by(version(27_600)),
    files: undefined,
    host: 'mx1',
    ...standard,
  }
  return isStillValid(cached, by27600)
}

const infected = { answer: 'infected', name: 'Eicar', scanner: 'clamd' } as const

t.test('a clean verdict is valid while it is recent', async (t) => {
  t.ok(counts({ time: NOW - 3600 }))
  t.notOk(counts({ time: NOW - 3601 }))
  t.notOk(counts({ time: NOW - 1 }, { maxAgeSeconds: 0 }))
  t.ok(counts({ time: NOW + 300 }), 'clocks differ')
  t.notOk(counts({ time: NOW + 301 }))
})

t.test('a clean verdict counts if its signatures are not older than those here', async (t) => {
  t.ok(counts({ signatures: by(version(27_601)) }))
  t.notOk(counts({ signatures: by(version(27_599)) }))
  t.ok(counts({ signatures: by(version(27_600, '1.5')) }))
  t.notOk(counts({ signatures: by(version(27_601, '1.4.2')) }))
  t.notOk(counts({ signatures: by('ClamAV 1.4.3') }), 'of a site alone')
  t.ok(counts({ signatures: by('ClamAV 1.4.3') }, { signatures: by('ClamAV 1.4.3') }))
  t.notOk(counts({ signatures: '' }))
  t.notOk(counts({ signatures: joinVersions({ other: version(27_601) }) }))
  t.notOk(counts({}, { signatures: joinVersions({ clamd: version(27_600), other: 'x' }) }))
})

t.test('a clean verdict counts if nothing has changed in the database since', async (t) => {
  t.notOk(counts({ time: NOW - 100 }, { files: { changed: NOW - 99.999 } }))
  t.ok(counts({ time: NOW - 100 }, { files: { changed: NOW - 100 } }))
})

t.test('a verdict of another host counts if that had such signatures by then', async (t) => {
  const settled = NOW - SETTLED_AFTER_SECONDS
  const others = (changed: number) => ({ files: { changed, others: changed }, host: 'mx2' })
  t.notOk(counts({ time: NOW - 1 }, others(settled)))
  t.ok(counts({ time: NOW }, others(settled)))
  t.ok(counts({ time: NOW - 1 }, { ...others(settled), host: 'mx1' }))
  const official = { files: { changed: settled }, host: 'mx2' }
  t.ok(counts({ time: NOW - 1 }, official), 'by its number')
  t.notOk(counts({ time: NOW - 1, signatures: by(version(27_599)) }, official))
})

t.test('an infected verdict counts by the same signatures, or for a minute', async (t) => {
  t.ok(counts({ found: infected, time: NOW - 3600 }))
  t.notOk(counts({ found: infected, time: NOW - 3601 }))
  const other = { signatures: by(version(27_601)) }
  t.notOk(counts({ found: infected, ...other, time: NOW - 61 }))
  t.ok(counts({ found: infected, ...other, time: NOW - 60 }))
  t.ok(counts({ found: infected }, { files: { changed: NOW } }))
  const others = { files: { changed: NOW, others: NOW - SETTLED_AFTER_SECONDS - 1000 } }
  t.ok(counts({ found: infected, time: NOW - 1000 }, others))
  t.notOk(counts({ found: infected, time: NOW - 1001 }, others), "by a site's own before")
  t.ok(counts({ found: infected, time: NOW - 60 }, { files: { changed: NOW, others: NOW } }))
})

t.test('versions are compared by number', async (t) => {
  t.ok(areAtLeastAsNew(version(9, '1.10.0'), version(9, '1.9.3')))
  t.notOk(areAtLeastAsNew(version(9), version(10)))
  t.ok(areAtLeastAsNew(version(100), version(99)))
  t.ok(areAtLeastAsNew('any words', 'any words'))
  t.notOk(areAtLeastAsNew('any words', 'other words'))
  t.notOk(areAtLeastAsNew('ClamAV 1.4.3/x/', version(1)))
})

t.test("no scanner's word about its signatures can look like another's", async (t) => {
  t.equal(joinVersions({ b: 'x; a=1', a: 'y\n' }), 'a=y?; b=x? a=1')
})
