import t, { type Test } from 'tap'
import type { Decision, Findings, Reply, Undivided } from '../../src/judge/decision.ts'
import { type Answers, divide } from '../../src/judge/divide.ts'
import type { Transaction } from '../../src/judge/transaction.ts'
import { readAddress } from '../../src/message/envelope/address.ts'
import { makeEnvelope, recipientsOf } from '../../src/message/envelope/envelope.ts'

/** Several recipients, different answers: nobody's mail is lost in silence. */

const findings: Findings = { scan: 'clean', why: '', times: {} }
const infected: Findings = { scan: 'infected', virus: 'V', why: '', times: {} }
const reply: Reply = { class: 5, enhanced: '5.7.1', text: 'no', grounds: 'virus' }
const edits = { remove: [], add: [] }

const decisions: Readonly<Record<string, Undivided>> = {
  accept: { kind: 'accept', edits, findings },
  tag: { kind: 'accept', edits, findings: infected },
  forward: {
    kind: 'accept',
    edits,
    recipients: [readAddress('v@example.org')],
    findings: infected,
  },
  reject: { kind: 'reject', reply, findings: infected },
  defer: { kind: 'defer', reply: { ...reply, class: 4 }, findings },
  discard: { kind: 'discard', findings: infected },
  keep: {
    kind: 'quarantine',
    place: { kind: 'directory', directory: '/q' },
    grounds: 'virus',
    edits,
    findings: infected,
  },
  hold: {
    kind: 'quarantine',
    place: { kind: 'hold' },
    grounds: 'virus',
    edits,
    findings: infected,
  },
}
const names = Object.keys(decisions)

function decide(own: readonly string[], answers: Answers, bounceInjector = false): Decision {
  const distinct = [...new Set(own)]
  const to = own.map((_, index) => Buffer.from(`user${index}@example.org`))
  const transaction = {
    envelope: makeEnvelope(Buffer.from('a@example.net'), to),
    client: { relay: false, clusterPeer: false, bounceInjector },
  } as unknown as Transaction
  const parts = distinct.map((name, line) => ({ decision: decisions[name]!, line: `${line + 1}` }))
  return divide(parts, own.map((name) => distinct.indexOf(name)), transaction, answers) // biome-ignore format: a line
}

/** What each recipient's decision is in the end. */
function endsAs(decision: Decision, count: number): Undivided[] {
  if (decision.kind !== 'split') return Array.from({ length: count }, () => decision)
  const users = decision.shareOf.map((place, index) => {
    const { decision: own, envelope } = decision.shares[place]!
    const texts = [...recipientsOf(envelope)].map(({ text }) => text)
    return texts.includes(`user${index}@example.org`) ? own : undefined
  })
  return users.map((own) => own!)
}

t.test('of three recipients with any decisions nobody loses mail in silence', async (t) => {
  let split = 0
  for (const answers of ['each', 'once, some kept', 'once'] as const) {
    for (const bounce of [false, true]) {
      for (const first of names) {
        for (const second of names) {
          for (const third of names) {
            const own = [first, second, third]
            const decision = decide(own, answers, bounce)
            const ends = endsAs(decision, 3)
            const about = `${own.join()} by ${answers}: ${ends.map((end) => end?.kind)}`
            if (decision.kind === 'split') split++
            for (const [index, end] of ends.entries()) {
              if (end === undefined) t.fail(`a recipient without an answer: ${about}`)
              else if (end.kind === 'discard' && own[index] !== 'discard') t.fail(about)
            }
            checkShares(t, decision, answers, about)
          }
        }
      }
    }
  }
  t.ok(split > 400, `${split} were split`)
})

function checkShares(t: Test, decision: Decision, answers: Answers, about: string): void {
  if (decision.kind !== 'split') return
  const kinds = decision.shares.map((share) => share.decision.kind)
  const counts = decision.shares.map(({ envelope }) => envelope.recipientCount)
  if (answers === 'once') t.fail(`split: ${about}`)
  if (counts.reduce((sum, count) => sum + count) !== 3) t.fail(`not all: ${about}`)
  if (kinds.filter((kind) => kind === 'accept').length > 1) t.fail(`twice: ${about}`)
  if (answers === 'each') return
  if (!kinds.includes('accept') || kinds.some((it) => it !== 'accept' && it !== 'quarantine')) {
    t.fail(`one answer for different words: ${about}`)
  }
}

t.test('by LMTP each recipient has its own answer', async (t) => {
  const own = ['accept', 'reject', 'keep', 'discard', 'defer', 'tag']
  const ends = endsAs(decide(own, 'each'), own.length)
  t.same(
    ends.map(({ kind }) => kind),
    ['accept', 'reject', 'quarantine', 'discard', 'defer', 'accept'],
  )
  t.same(
    ends.map(({ findings }) => findings.rule),
    ['1,6', '2', '3', '4', '5', '1,6'],
    'with its own lines',
  )
})

t.test('a message is one where the MTA holds it, and where it goes to VIRUSFORWARD', async (t) => {
  for (const name of ['hold', 'forward']) {
    t.not(decide([name, 'accept', 'reject'], 'each').kind, 'split')
    t.not(decide([name, 'accept'], 'once, some kept').kind, 'split')
  }
})

t.test('a hundred thousand recipients are divided in one pass', async (t) => {
  const own = Array.from({ length: 100_000 }, (_, index) => (index % 2 ? 'keep' : 'accept'))
  const decision = decide(own, 'once, some kept')
  t.same(decision.kind === 'split' && decision.shares.map((it) => it.envelope.recipientCount), [50_000, 50_000]) // biome-ignore format: a line
})
