import t from 'tap'
import { decide } from '../../../../src/scanner/scan/judge/decision/decide.ts'
import type { SingleDecision } from '../../../../src/scanner/scan/judge/decision/decision.ts'
import type { Scanner } from '../../../../src/scanner/scan/scanners/contract/scanner.ts'
import type {
  ScanResult,
  Unread,
} from '../../../../src/scanner/scan/scanners/findings/scan-result.ts'
import type { Trust } from '../../../../src/scanner/scan/stamps/verify-stamps.ts'
import type { CachedVerdict } from '../../../../src/scanner/scan/verdicts/copies/fresh.ts'
import { banScanner } from '../scanners/run/scanning.ts'
import { letter, type Setup as StageSetup, stageFor } from './judge-mail.ts'

/** The decision as a value, to the word: strangers read its reply, and the log contains its details. */

type Outcome = Parameters<typeof decide>[2]

const here = t.testdir({ kept: {} })
const NOW = 1_700_000_000
const untrusted: Trust = { isTrusted: false, reason: '' }
const clamd: Scanner = { name: 'clamd', hasBans: false, scan: async () => ({ answer: 'clean' }) }
const local = banScanner('attachments')

interface Setup extends Pick<StageSetup, 'settings' | 'client' | 'recipients'> {
  readonly outcome?: Partial<Outcome>
}

function decideFor(result: ScanResult, { outcome, ...setup }: Setup = {}): SingleDecision {
  const { transaction, context } = stageFor(letter, setup)
  return decide(transaction, context.config, {
    trust: untrusted,
    result,
    scanners: [clamd, local],
    now: NOW,
    oddities: new Set(),
    stamp: undefined,
    remove: ['x-qhpsi'],
    notes: [],
    times: { scan: 1 },
    ...outcome,
  })
}

const times = { scan: 1 }
const add = (name: string, value: string) => ({ name, value })
const CLEAN = add('X-QHPSI', 'clean')
const virus: ScanResult = { answer: 'infected', scanner: 'clamd', name: 'A.B-1', isBanned: false }
const banned: ScanResult = {
  ...virus,
  scanner: 'attachments',
  name: 'attachment a.exe',
  isBanned: true,
}
const clean: ScanResult = { answer: 'clean' }

t.test('clean mail is tagged and stamped, and the log names its scanners', async (t) => {
  t.same(decideFor(clean), {
    kind: 'accept',
    edits: { remove: ['x-qhpsi'], add: [CLEAN] },
    details: { scan: 'clean', reason: '', times, scanner: 'clamd,attachments' },
  })
  const stamp = { field: add('X-SHA256-Cluster-1', 'v=1'), key: 'mx1' }
  t.same(decideFor(clean, { outcome: { stamp } }), {
    kind: 'accept',
    edits: { remove: ['x-qhpsi'], add: [CLEAN, stamp.field] },
    details: { scan: 'clean', reason: '', times, scanner: 'clamd,attachments', key: 'mx1' },
  })
})

t.test('mail is trusted if a stamp spares all scanners but those for bans', async (t) => {
  const trust: Trust = { isTrusted: true, key: 'mx2', scanners: 'all', stamp: 0 }
  const details = (scanners: readonly Scanner[], stamp?: Outcome['stamp']) =>
    decideFor(clean, { outcome: { trust, scanners, stamp } }).details
  t.same(details([]), { scan: 'trusted', reason: '', times, key: 'mx2' })
  t.match(details([local]), { scan: 'trusted', scanner: 'attachments' })
  const stamp = { field: add('X-SHA256-Cluster-1', 'v=1'), key: 'mx1' }
  t.match(
    details([clamd, local], stamp),
    { scan: 'clean', key: 'mx2' },
    'the key that vouches, not the one that signs',
  )
})

t.test('the log names the host that scanned a copy, and the age of its verdict', async (t) => {
  const cached: CachedVerdict = {
    found: { answer: 'clean' },
    scanners: ['clamd'],
    signatures: '1',
    time: NOW - 12,
    host: 'mx3',
  }
  t.match(decideFor(clean, { outcome: { cached } }).details, { scan: 'cached', by: 'mx3', age: 12 })
  const early = decideFor(clean, { outcome: { cached: { ...cached, time: NOW + 3 } } })
  t.match(early.details, { age: 0 })
})

t.test('the log states why a stamp is not trusted, but not that none is there', async (t) => {
  const reason = (text: string) =>
    decideFor(clean, {
      outcome: { trust: { isTrusted: false, reason: text }, notes: ['a note', 'another'] },
    }).details.reason
  t.equal(reason('bad digest'), 'a note; another; bad digest')
  t.equal(reason('no stamp'), 'a note; another')
})

t.test('the log has the oddities of a message in one word', async (t) => {
  const oddities = new Set(['field', 'boundary'])
  t.match(decideFor(clean, { outcome: { oddities } }).details, { odd: 'field,boundary' })
})

/** The grounds of a message that was not read for a limit, the text of the reply, and the setting. */
type Row = readonly [grounds: string, text: string, setting: string]
const reason = 'two types'
const limits: Readonly<Record<Exclude<Unread, 'size' | 'skipped'>, Row>> = {
  depth: ['nested-too-deep', 'messages or multiparts in it are nested too deep to be scanned', 'UNREAD'], // biome-ignore format: a row
  unpacked: ['too-large-inside', 'a file packed in it is too large to be scanned', 'UNREAD'],
  contents: ['too-much-inside', 'it contains more than can be scanned (many parts)', 'UNREAD'],
  unreadable: ['unreadable', 'it contains many parts', 'UNREAD'],
  oddities: ['strange-mime', `malformed MIME (${reason})`, 'STRICTMIME'],
  encrypted: ['encrypted', 'it contains encrypted content, which cannot be scanned', 'FINDINGS'],
}
for (const [kind, [grounds, text, setting]] of Object.entries(limits)) {
  t.test(`${setting} refuses, defers or quarantines mail that is ${grounds}`, async (t) => {
    const scan: ScanResult = { answer: 'unread', kind: kind as Unread, reason, limit: 'many parts' }
    const details = { scan: 'skipped', reason, times }
    const status = setting === 'FINDINGS' ? '7.1' : '6.0'
    const by = (word: string, settings = {}) =>
      decideFor(scan, {
        settings: { [setting]: setting === 'FINDINGS' ? `encrypted=${word}` : word, ...settings },
      })
    t.same(by('refuse'), {
      kind: 'reject',
      reply: { class: 5, enhanced: `5.${status}`, text: `message refused: ${text}`, grounds },
      details,
    })
    t.same(by('defer'), {
      kind: 'defer',
      reply: { class: 4, enhanced: `4.${status}`, text: `message deferred: ${text}`, grounds },
      details,
    })
    t.match(by('quarantine', { QUARANTINE: here }), { kind: 'quarantine', grounds, details })
  })
}

t.test('a reply about strange mail has at most 200 characters', async (t) => {
  const decision = decideFor(
    { answer: 'unread', kind: 'oddities', reason: 'x'.repeat(500) },
    { settings: { STRICTMIME: 'defer' } },
  )
  t.equal('reply' in decision && decision.reply.text.length, 200)
})

t.test('a banned attachment is kept as one, and the log does not call it a virus', async (t) => {
  t.match(decideFor(banned, { settings: { QUARANTINE: here } }), {
    kind: 'quarantine',
    grounds: 'banned',
    details: { banned: 'attachment a.exe', virus: undefined },
  })
})

t.test('a pattern of FINDINGS matches a whole name, in any case, with stars', async (t) => {
  const isTagged = (pattern: string) =>
    decideFor(virus, { settings: { REJECTVIRUS: '1', FINDINGS: `${pattern}=tag` } }).kind ===
    'accept'
  for (const pattern of ['A.B-1', 'a.b-1', 'A.*', '*-1', '*', 'A*B*1', 'X.1=accept A.B-1']) {
    t.ok(isTagged(pattern), pattern)
  }
  for (const pattern of ['A.B', 'B-1', 'AxB-1', 'A.B-?', '.*', 'A.B-1x', '[A].B-1']) {
    t.notOk(isTagged(pattern), pattern)
  }
})
