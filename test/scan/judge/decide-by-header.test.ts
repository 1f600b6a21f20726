import { join } from 'node:path'
import t from 'tap'
import { Header } from '../../../src/mail/message/header-block.ts'
import { decideByHeader } from '../../../src/scan/judge/decide-by-header.ts'
import type { SingleDecision } from '../../../src/scan/judge/decision.ts'
import { readScanningPolicy } from '../../../src/scan/judge/policy.ts'

/** Mail whose header cannot be edited is decided about before anything else looks at it. */

const QUARANTINE = join(t.testdir({ kept: {} }), 'kept')

function decideBy(
  header: string,
  settings: Readonly<Record<string, string>> = {},
  { bounceInjector = false, headerTooLarge = false } = {},
): SingleDecision | undefined {
  const policy = readScanningPolicy({ QHPSI: 'plugin: clamd', ...settings })!
  const client = { relay: false, clusterPeer: false, bounceInjector }
  const message = { header: new Header(Buffer.from(header)), headerTooLarge }
  return decideByHeader({ message, client }, policy)
}

t.test('a header that can be edited decides nothing', async (t) => {
  t.equal(decideBy('From: a@example.org\n\n'), undefined)
  t.equal(decideBy('X-QHPSI: clean\nFrom: a@example.org\n\n'), undefined)
})

t.test('a header that is too large to be edited is refused', async (t) => {
  t.match(decideBy('A: b\n', { QUARANTINE }, { headerTooLarge: true }), {
    kind: 'reject',
    reply: { grounds: 'header-too-large' },
  })
})

const unclear = 'A: b\nno field\nX-QHPSI: clean\n\n'
const why = 'its header is malformed and has X-QHPSI in it'

const refused: SingleDecision = {
  kind: 'reject',
  reply: {
    class: 5,
    enhanced: '5.6.0',
    text: `message refused: ${why}`,
    grounds: 'unclear-header',
  },
  findings: { scan: 'skipped', why: `message refused: ${why}`, times: {} },
}

t.test('a header from which X-QHPSI cannot be removed is refused with the reason', async (t) => {
  t.same(decideBy(unclear), refused)
  t.same(decideBy(unclear, {}, { bounceInjector: true }), refused, 'a bounce, too')
  t.same(decideBy(unclear, { QUARANTINE, REJECTVIRUS: '1' }), refused, 'REJECTVIRUS comes first')
})

t.test('no MTA holds a message with such a header: it could deliver the field later', async (t) => {
  t.same(decideBy(unclear, { QUARANTINE: 'hold' }), refused)
})

t.test('a quarantine directory keeps a message with such a header as it came', async (t) => {
  const kept: SingleDecision = {
    kind: 'quarantine',
    quarantine: { kind: 'directory', directory: QUARANTINE },
    grounds: 'unclear-header',
    edits: { remove: [], add: [] },
    findings: { scan: 'skipped', why, times: {} },
  }
  t.same(decideBy(unclear, { QUARANTINE }), kept)
  const bounce = decideBy(unclear, { QUARANTINE, REJECTVIRUS: '1' }, { bounceInjector: true })
  t.same(bounce, kept, 'a refused bounce would come again for ever')
})
