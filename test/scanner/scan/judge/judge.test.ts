import { chmodSync } from 'node:fs'
import t from 'tap'
import type { QuotaAnswer } from '../../../../src/base/protocol/quota/quota-answer.ts'
import type { ContentScanner } from '../../../../src/scanner/scan/scanners/contract/scanner.ts'
import { clean } from '../../../../src/scanner/scan/scanners/findings/scan-result.ts'
import { banScanner } from '../scanners/run/scanning.ts'
import {
  banned,
  cachingVerdicts,
  editsOf,
  judgeMail,
  letter,
  NOW,
  relay,
  type Setup,
  tooLarge,
} from './judge-mail.ts'

/** The judgement: what happens to a message by what is found in it and by the settings. */

type Row = readonly [what: string, setup: Setup, expected: object, edits?: readonly string[]]

const untouched = ['-x-qhpsi']
const rows: readonly Row[] = [
  [
    'FINDINGS does not count for a banned attachment',
    { scan: banned, settings: { REJECTVIRUS: '1', FINDINGS: '*=tag' } },
    { kind: 'reject', reply: { grounds: 'banned' } },
  ],
  [
    'mail over the size limit of a scanner is accepted if OVERSIZE=accept',
    { scan: tooLarge, settings: { OVERSIZE: 'accept' } },
    { kind: 'accept', details: { scan: 'skipped' } },
    untouched,
  ],
  [
    'mail over the size limit of a scanner is deferred by default',
    { scan: tooLarge },
    { kind: 'defer', details: { scan: 'unknown', cause: 'limit' } },
  ],
]

for (const [what, setup, expected, edits] of rows) {
  t.test(what, async (t) => {
    const { decision } = await judgeMail(letter, setup)
    t.match(decision, expected)
    if (edits) t.same(editsOf(decision), edits)
  })
}

t.test('mail of exactly QHPSIMINSIZE or QHPSIMAXSIZE bytes is scanned', async (t) => {
  const size = `${letter.length}`
  const { asked } = await judgeMail(letter, {
    settings: { QHPSIMINSIZE: size, QHPSIMAXSIZE: size },
  })
  t.same(asked, ['clamd'])
})

t.test('the log names a setting that cannot be used, and the notes of a scanner', async (t) => {
  const shared = t.testdir({})
  chmodSync(shared, 0o777)
  const noting: ContentScanner['scan'] = async (_, { note }) => {
    note('a note')
    return clean
  }
  const { decision } = await judgeMail(letter, { settings: { SPOOLDIR: shared }, scan: noting })
  t.match(decision.details.reason, /^SPOOLDIR .*: not used, mode 0777.*; a note$/)
})

t.test('mail is scanned if a recipient has room, or the quota is unknown', async (t) => {
  const quota = (answer: QuotaAnswer) => ({
    tools: { quota: { timeout: 1000, asksForRelayClients: false, ask: async () => answer } },
  })
  const whyOf = async (setup: Setup) => {
    const { decision, asked } = await judgeMail(letter, setup)
    t.same([decision.kind, asked], ['accept', ['clamd']])
    return decision.details.reason
  }
  t.equal(await whyOf(quota({ status: 'room' })), '')
  t.equal(await whyOf(quota({ status: 'unknown', reason: 'it is down' })), 'quota: it is down')
  t.equal(await whyOf({ ...quota({ status: 'full' }), client: relay }), '')
})

t.test('the log has the time of each stage', async (t) => {
  let clock = 1000
  const spend = (milliseconds: number) => {
    clock += milliseconds
  }
  const { decision } = await judgeMail(letter, {
    async scan() {
      spend(70)
      return clean
    },
    tools: {
      uptime: () => clock,
      quota: {
        timeout: 1000,
        asksForRelayClients: false,
        async ask() {
          spend(5)
          return { status: 'room' }
        },
      },
    },
  })
  t.match(decision.details.times, { quota: 5, verify: 0, sign: 0 })
  t.equal((decision.details.times.scan ?? 0) % 70, 0)
})

t.test('without a trusted stamp size limits apply to scanners for bans alone', async (t) => {
  const scanners = [banScanner('attachments')]
  const { decision } = await judgeMail(letter, { settings: { QHPSIMINSIZE: '1000' }, scanners })
  t.match(decision, { details: { scan: 'skipped' } })
})

t.test('a cached verdict avoids the scan; the log has its host and its age', async (t) => {
  const cached = {
    found: { answer: 'clean' },
    scanners: ['clamd'],
    signatures: '',
    time: NOW / 1000 - 60,
    host: 'mx2',
  } as const
  const result = { answer: 'clean', scanners: [] } as const
  const { verdicts, runs } = cachingVerdicts({ result, cached })
  const { decision, asked } = await judgeMail(letter, { tools: { verdicts } })
  t.match(decision, { kind: 'accept', details: { scan: 'cached', by: 'mx2', age: 60 } })
  t.same(asked, [])
  t.match(runs, [{ scanners: [{}], settings: { SECONDLOOK: 'always' } }])
})

t.test('a forgeable field is found in a header larger than 1 MiB', async (t) => {
  const judgeWith = async (start: string, end: string) => {
    const long = 'x'.repeat(1024 * 1024 - start.length)
    const { decision } = await judgeMail(`${start}${long}${end}\n\nbody\n`)
    return decision
  }
  t.match(await judgeWith('X-Long: ', 'y'), { kind: 'accept', details: { scan: 'clean' } })
  const text = 'message deferred: its header is larger than 1 MiB and contains X-QHPSI'
  const deferred = { kind: 'defer', reply: { class: 4, enhanced: '4.6.0', text } }
  t.match(await judgeWith('X-Long: ', '\nX-QHPSI: clean'), deferred)
  t.match(await judgeWith('X-Long: 1234', '\nX-\x01QHPSI: clean'), deferred)
  const cut = `X-Long: ${'x'.repeat(1024 * 1024 - 12)}\nX-QHPSI: clean\n\n`
  t.match((await judgeMail(cut)).decision, deferred, 'where the header is cut')
})
