import t from 'tap'
import { ScansInFlight } from '../../../src/scan/verdicts/scans-in-flight.ts'

/** Scans that are under way. */

const print = 'the fingerprint'
const nothing = { kind: 'nothing' } as const

t.test('scans of different messages know nothing of each other', async (t) => {
  const inFlight = new ScansInFlight()
  const own = inFlight.begin(print, 1000)
  t.equal(inFlight.of('another'), undefined)
  t.equal(inFlight.of(print), own)
  own.end(nothing)
  t.equal(inFlight.of(print), undefined)
})

t.test('the end of a scan is not that of a later one of the same message', async (t) => {
  const heard: unknown[] = []
  const inFlight = new ScansInFlight(1, (event) => heard.push(event))
  const first = inFlight.begin(print, 1000)
  const second = inFlight.begin(print, 500)
  first.end(nothing)
  first.end({ kind: 'elsewhere' })
  t.equal(inFlight.of(print), second)
  t.same(await first.ended, nothing, 'the first end counts')
  t.same(heard, [
    { is: 'begun', fingerprint: print, within: 1000 },
    { is: 'begun', fingerprint: print, within: 500 },
    { is: 'ended', fingerprint: print },
  ])
})
