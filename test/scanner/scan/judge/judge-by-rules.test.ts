import t from 'tap'
import { Deadline } from '../../../../src/scanner/scan/judge/context/deadline.ts'
import type { Client } from '../../../../src/scanner/scan/judge/context/transaction.ts'
import type { Decision } from '../../../../src/scanner/scan/judge/decision/decision.ts'
import { judgeByRules } from '../../../../src/scanner/scan/judge/judge-by-rules.ts'
import type { Rules } from '../../../../src/scanner/scan/rules/match.ts'
import type { Rule } from '../../../../src/scanner/scan/rules/rule.ts'
import type { ContentScanner } from '../../../../src/scanner/scan/scanners/contract/scanner.ts'
import { infected } from '../../../../src/scanner/scan/scanners/findings/scan-result.ts'
import { judgeByLines, letter, stageFor } from './judge-mail.ts'

/** The judgement by onescan.policy: which line applies to which recipient, and what scans it costs. */

/** Judges a message with a virus by these lines; each scan `takes` milliseconds. `given` is what each had. */
async function judgeBy(
  lines: string,
  { takes = 0, ...setup }: Parameters<typeof judgeByLines>[2] & { readonly takes?: number } = {},
) {
  let uptime = 0
  const given: number[] = []
  const scan: ContentScanner['scan'] = async (sample, { timeLeft }) => {
    if (sample.kind === 'content') return infected('Eicar')
    given.push(timeLeft())
    uptime += takes
    return infected('Eicar')
  }
  const settings = { SCANTIMEOUT: '10' }
  const tools = { uptime: () => uptime }
  const stage = { settings, scan, tools, sender: 'a@example.net', ...setup }
  return { given, ...(await judgeByLines(lines, letter, stage)) }
}

const detailsOf = (decision: Decision) => (decision.kind === 'split' ? undefined : decision.details)

t.test('equal settings share a scan, and all scans share the time of one', async (t) => {
  const lines = ['b', 'c', 'd']
    .map((name, n) => `to=${name}@example.org REJECTVIRUS=${n}`)
    .join('\n')
  const to = ['b@example.org', 'c@example.org', 'd@example.org', 'd@example.org']
  const { given } = await judgeBy(lines, { recipients: to, takes: 4000 })
  t.same(given, [10_000, 6000, 2000])
  const long = await judgeBy(lines, { recipients: to, takes: 20_000 })
  const areTimed = long.given.every((milliseconds) => milliseconds > 0)
  t.ok(areTimed, `${long.given}`)
  t.equal((await judgeBy('* REJECTVIRUS=1\n', { recipients: to })).given.length, 1)
})

t.test('a thousand recipients with an exception each cost one scan', async (t) => {
  const to = Array.from({ length: 1000 }, (_, n) => `u${n}@example.org`)
  const lines = to.map((recipient) => `to=${recipient},signature=Other allow\n`).join('')
  const { decision, given } = await judgeBy(`${lines}* REJECTVIRUS=1\n`, { recipients: to })
  t.equal(decision.kind, 'reject')
  t.equal(given.length, 1)
  const some = await judgeBy(`to=u7@example.org allow\n${lines}* REJECTVIRUS=1\n`, {
    recipients: ['u6@example.org', 'u7@example.org'],
    answers: 'per recipient',
  })
  t.equal(some.given.length, 2)
  t.match(some.decision, {
    kind: 'split',
    shares: [{ decision: { kind: 'accept' } }, { decision: { kind: 'reject' } }],
  })
})

t.test('client= is a network, and a client without an address is in none', async (t) => {
  const kind = async (line: string, client: Partial<Client> = {}) =>
    (await judgeBy(`${line} REJECTVIRUS=1\n`, { client })).decision.kind
  const origin = { interface: 'qmail', clientAddress: '192.0.2.7' } as const
  t.equal(await kind('client=192.0.2.0/24', { origin }), 'reject')
  t.equal(await kind('client=198.51.100.0/24', { origin }), 'accept')
  t.equal(await kind('client=192.0.2.0/24'), 'accept')
})

t.test('a message without recipients is judged once', async (t) => {
  const { decision, given } = await judgeBy('from=a@example.net REJECTVIRUS=1\n', {
    recipients: [],
  })
  t.equal(decision.kind, 'reject')
  t.equal(given.length, 1)
})

/** Returns the kind of each recipient's decision. */
function kindsFor(decision: Decision): readonly string[] {
  if (decision.kind !== 'split') return [decision.kind]
  return decision.shareOf.map((place) => decision.shares[place]!.decision.kind)
}

t.test('an exception for one recipient lets no mail in for others', async (t) => {
  const lines =
    'to=b@example.org,signature=Eicar allow\nto=c@example.org,signature=Other allow\n* REJECTVIRUS=1\n'
  const { decision, given } = await judgeBy(lines, {
    recipients: ['b@example.org', 'c@example.org'],
    answers: 'per recipient',
  })
  t.same(kindsFor(decision), ['accept', 'reject'])
  t.equal(given.length, 2)
})

t.test('a message for very many recipients gives turns to other mail', async (t) => {
  const TURN = 4096
  const seen: boolean[] = []
  let hasTurned = false
  const rules: Rules = {
    path: '/c/onescan.policy',
    find() {
      seen.push(hasTurned)
      return [{ line: 1, conditions: {}, action: { kind: 'off' } } as Rule]
    },
    namelessKey: () => undefined,
    exceptions: () => [],
  } as unknown as Rules
  const recipients = Array.from({ length: TURN + 1 }, (_, n) => `${n}@example.org`)
  const { transaction, context } = stageFor(letter, { recipients })
  setImmediate(() => {
    hasTurned = true
  })
  const turning = { ...context, rules: { lines: rules, contextOfLine: () => Promise.reject() } }
  await judgeByRules(transaction, turning, new Deadline(() => 0), 'one reply')
  t.equal(seen.length, TURN + 1)
  t.equal(seen.indexOf(true), TURN - 1)
})

t.test('the strictest line for a recipient without a domain applies', async (t) => {
  const lines = 'to=b.example REJECTVIRUS=1\nto=c.example REJECTVIRUS=0\nto=a.example scan off\n'
  const alone = await judgeBy(lines, { recipients: ['postmaster'] })
  t.equal(alone.decision.kind, 'reject')
  t.equal(detailsOf(alone.decision)?.rule, '-,1,2')
  const many = Array.from({ length: 10_000 }, (_, number) => `user${number}`)
  const several = await judgeBy(lines, {
    recipients: ['x@a.example', ...many],
    answers: 'per recipient',
  })
  t.equal(several.given.length, 3, 'it is scanned once by each line, and once by none')
  t.match(several.decision, {
    kind: 'split',
    shares: [
      { decision: { kind: 'accept', details: { scan: 'skipped' } } },
      { decision: { kind: 'reject', details: { rule: '-,1,2' } } },
    ],
  })
  const helped = await judgeBy('to=a.example allow\n', { recipients: ['postmaster'] })
  t.equal(detailsOf(helped.decision)?.allowed, undefined, 'no exception for a domain helps it')
})
