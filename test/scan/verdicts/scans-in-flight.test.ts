import t from 'tap'
import { readScanSettings } from '../../../src/scan/scanners/shared/scan-settings.ts'
import type { Scanner } from '../../../src/scan/scanners/shared/scanner.ts'
import { describeScan } from '../../../src/scan/verdicts/copies/message-identity.ts'
import { ScansInFlight } from '../../../src/scan/verdicts/scans-in-flight.ts'

/** Scans that are under way, and the description of a scan. */

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
  const inFlight = new ScansInFlight((event) => heard.push(event))
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

t.test('how a message is looked at is one line: release, settings, scanners', async (t) => {
  const settings = readScanSettings({ QHPSI: 'plugin: clamd' }, { qmailHome: '/q', control: '/c' })!
  const by = (identity: string): Scanner => ({
    name: identity,
    local: false,
    memorable: { identity, signatures: 'not told' },
    scan: async () => ({ answer: 'clean' }),
  })
  const { MAXNESTING: max } = settings
  t.equal(
    describeScan(settings, [by('a'), by('b\n')], '1.2.3'),
    `onescan=1.2.3 nesting=${max} secondlook=always scanners=a,b?`,
  )
})
