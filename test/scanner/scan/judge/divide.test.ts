import t, { type Test } from 'tap'
import { readAddress } from '../../../../src/base/text/address.ts'
import { makeEnvelope } from '../../../../src/mail/message/envelope.ts'
import type { Transaction } from '../../../../src/scanner/scan/judge/context/transaction.ts'
import type {
  Decision,
  DecisionDetails,
  SingleDecision,
} from '../../../../src/scanner/scan/judge/decision/decision.ts'
import {
  type AnswerMode,
  acceptedShare,
  divide,
} from '../../../../src/scanner/scan/judge/decision/divide.ts'
import type { Reply } from '../../../../src/scanner/scan/replies/reply.ts'

/** Recipients of one message with different decisions: no mail is lost in silence. */

const details: DecisionDetails = { scan: 'clean', reason: '', times: {} }
const infected: DecisionDetails = { scan: 'infected', virus: 'V', reason: '', times: {} }
const reply: Reply = { class: 5, enhanced: '5.7.1', text: 'no', grounds: 'virus' }
const edits = { remove: [], add: [] }

const decisions: Readonly<Record<string, SingleDecision>> = {
  accept: { kind: 'accept', edits, details },
  tag: { kind: 'accept', edits, details: infected },
  forward: { kind: 'accept', edits, recipients: [readAddress('v@example.org')], details: infected },
  reject: { kind: 'reject', reply, details: infected },
  defer: { kind: 'defer', reply: { ...reply, class: 4 }, details },
  discard: { kind: 'discard', details: infected },
  keep: {
    kind: 'quarantine',
    quarantine: { kind: 'directory', directory: '/q' },
    grounds: 'virus',
    edits,
    details: infected,
  },
  hold: {
    kind: 'quarantine',
    quarantine: { kind: 'hold' },
    grounds: 'virus',
    edits,
    details: infected,
  },
}
const names = Object.keys(decisions)

function decide(own: readonly string[], answers: AnswerMode, isBounceInjector = false): Decision {
  const distinct = [...new Set(own)]
  const to = own.map((_, index) => Buffer.from(`user${index}@example.org`))
  const transaction = {
    envelope: makeEnvelope(Buffer.from('a@example.net'), to),
    client: { mayRelay: false, isClusterPeer: false, isBounceInjector },
  } as unknown as Transaction
  const parts = distinct.map((name, line) => ({ decision: decisions[name]!, line: `${line + 1}` }))
  return divide(parts, own.map((name) => distinct.indexOf(name)), transaction, answers) // biome-ignore format: a line
}

/** Returns the decision that applies to each recipient in the end. */
function endsAs(decision: Decision, count: number): SingleDecision[] {
  if (decision.kind !== 'split') return Array.from({ length: count }, () => decision)
  const users = decision.shareOf.map((place, index) => {
    const { decision: own, envelope } = decision.shares[place]!
    const texts = [...envelope.recipients].map(({ text }) => text)
    return texts.includes(`user${index}@example.org`) ? own : undefined
  })
  return users.map((own) => own!)
}

t.test('whatever is decided for three recipients, no mail is lost in silence', async (t) => {
  let split = 0
  for (const answers of ['per recipient', 'one reply, some quarantined', 'one reply'] as const) {
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

function checkShares(t: Test, decision: Decision, answers: AnswerMode, about: string): void {
  if (decision.kind !== 'split') return
  const kinds = decision.shares.map((share) => share.decision.kind)
  const counts = decision.shares.map(({ envelope }) => envelope.recipientCount)
  if (answers === 'one reply') t.fail(`split: ${about}`)
  if (counts.reduce((sum, count) => sum + count) !== 3) t.fail(`not all: ${about}`)
  if (kinds.filter((kind) => kind === 'accept').length > 1) t.fail(`twice: ${about}`)
  if (answers === 'per recipient') return
  if (
    !kinds.includes('accept') ||
    kinds.some((kind) => kind !== 'accept' && kind !== 'quarantine')
  ) {
    t.fail(`one answer for different words: ${about}`)
  }
}

t.test('an interface that answers for each recipient gives each its own decision', async (t) => {
  const own = ['accept', 'reject', 'keep', 'discard', 'defer', 'tag']
  const ends = endsAs(decide(own, 'per recipient'), own.length)
  const kinds = ends.map(({ kind }) => kind)
  t.same(kinds, ['accept', 'reject', 'quarantine', 'discard', 'defer', 'accept'])
  const lines = ends.map(({ details }) => details.rule)
  t.same(lines, ['1,6', '2', '3', '4', '5', '1,6'], 'with its own lines')
})

t.test('mail that the MTA holds, or that goes to VIRUSFORWARD, is not divided', async (t) => {
  for (const name of ['hold', 'forward']) {
    t.not(decide([name, 'accept', 'reject'], 'per recipient').kind, 'split')
    t.not(decide([name, 'accept'], 'one reply, some quarantined').kind, 'split')
  }
})

t.test('decisions that are alike, or that all accept, are joined to one', async (t) => {
  t.equal(decide(['reject', 'reject'], 'per recipient').kind, 'reject')
  const both = decide(['accept', 'tag'], 'per recipient')
  t.match(both, { kind: 'accept', details: { scan: 'infected', rule: '1,2' } })
})

t.test('the accepted share has the recipients for whom the message leaves', async (t) => {
  const split = decide(['reject', 'accept', 'keep'], 'per recipient')
  if (split.kind !== 'split') throw new Error(split.kind)
  const share = acceptedShare(split)
  t.equal(share?.decision.kind, 'accept')
  t.same([...share!.envelope.recipients].map(({ text }) => text), ['user1@example.org']) // biome-ignore format: a line
  const none = decide(['reject', 'keep'], 'per recipient')
  t.equal(none.kind === 'split' && acceptedShare(none), undefined)
})

t.test('the log names lines in at most 100 characters, and none in part', async (t) => {
  const transaction = { client: {} } as unknown as Transaction
  const ruleOf = (numbers: readonly number[]) => {
    const parts = numbers.map((line) => ({ decision: decisions.defer!, line: `${line}` }))
    const decision = divide(parts, [...parts.keys()], transaction, 'one reply')
    return decision.kind === 'split' ? undefined : decision.details.rule
  }
  const from = (first: number, count: number) =>
    Array.from({ length: count }, (_, index) => first + index)
  const fitting = from(1000, 20)
  t.equal(ruleOf(fitting), fitting.join(), '99 characters')
  for (const first of [95, 995, 9995, 99_995]) {
    const all = from(first, 60).join()
    const shown = ruleOf(from(first, 60)) ?? ''
    t.ok(shown.length <= 100 && shown.length > 90, shown)
    t.match(shown, /,\.\.\.$/)
    const numbers = shown.slice(0, -'...'.length)
    t.ok(all.startsWith(numbers) && numbers.endsWith(','), 'whole numbers alone')
  }
})

t.test('undivided, the strictest decision counts by which no mail is lost', async (t) => {
  const client = { mayRelay: false, isClusterPeer: false, isBounceInjector: false }
  const bannedDrop: SingleDecision = {
    kind: 'discard',
    details: { scan: 'infected', banned: 'attachment a.exe', reason: '', times: {} },
  }
  const unknown: SingleDecision = {
    kind: 'accept',
    edits,
    details: { ...details, scan: 'unknown' },
  }
  const edited: SingleDecision = {
    kind: 'accept',
    edits: { remove: [], add: [{ name: 'X-QHPSI', value: 'clean' }] },
    details,
  }
  const all = { ...decisions, 'banned drop': bannedDrop, unknown, edited }
  const nameOf = (names: readonly string[], isBounceInjector = false) => {
    const chosen = names.map((name) => ({ decision: all[name as keyof typeof all]!, line: '-' }))
    const transaction = { client: { ...client, isBounceInjector } } as Transaction
    const found = divide(chosen, [...names.keys()], transaction, 'one reply')
    return Object.entries(all).find(([, decision]) => decision === found)?.[0] ?? found
  }
  const order = ['defer', 'reject', 'keep', 'forward', 'tag', 'unknown', 'edited', 'accept']
  for (const [at, name] of order.entries()) {
    const weaker = order.slice(at)
    t.equal(nameOf(weaker), name)
    t.equal(nameOf(weaker.toReversed()), name)
  }
  t.equal(
    nameOf(['discard', 'forward']),
    'forward',
    'mail that is sent to VIRUSFORWARD is not lost',
  )
  t.equal(nameOf(['discard', 'discard']), 'discard')
  t.same(nameOf(['accept', 'discard']), {
    kind: 'reject',
    reply: { class: 5, enhanced: '5.7.1', text: 'message refused: virus V', grounds: 'virus' },
    details: infected,
  })
  t.match(nameOf(['accept', 'banned drop']), {
    kind: 'reject',
    reply: { text: 'message refused: banned attachment a.exe', grounds: 'banned' },
  })
  t.equal(nameOf(['accept', 'discard'], true), 'accept', 'a refused bounce would come again')
})

t.test('a hundred thousand recipients are divided in one pass', async (t) => {
  const own = Array.from({ length: 100_000 }, (_, index) => (index % 2 ? 'keep' : 'accept'))
  const decision = decide(own, 'one reply, some quarantined')
  t.same(
    decision.kind === 'split' && decision.shares.map(({ envelope }) => envelope.recipientCount),
    [50_000, 50_000],
  )
})
