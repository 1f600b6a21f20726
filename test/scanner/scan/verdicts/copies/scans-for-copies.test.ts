import t from 'tap'
import { ScansForCopies } from '../../../../../src/scanner/scan/verdicts/copies/scans-for-copies.ts'

/** Scans that are under way. */

const print = 'the fingerprint'
const nothing = { kind: 'nothing' } as const

t.test('scans of different messages know nothing of each other', async (t) => {
  const scansForCopies = new ScansForCopies()
  const own = scansForCopies.begin(print, 1000)
  t.equal(scansForCopies.of('another'), undefined)
  t.equal(scansForCopies.of(print), own)
  own.end(nothing)
  t.equal(scansForCopies.of(print), undefined)
})

t.test('the end of a scan is not that of a later one of the same message', async (t) => {
  const heard: unknown[] = []
  const scansForCopies = new ScansForCopies(1, (event) => heard.push(event))
  const first = scansForCopies.begin(print, 1000)
  const second = scansForCopies.begin(print, 500)
  first.end(nothing)
  first.end({ kind: 'elsewhere' })
  t.equal(scansForCopies.of(print), second)
  t.same(await first.ended, nothing, 'the first end counts')
  t.same(heard, [
    { kind: 'begun', fingerprint: print, within: 1000 },
    { kind: 'begun', fingerprint: print, within: 500 },
    { kind: 'ended', fingerprint: print },
  ])
})
