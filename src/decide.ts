import type { Trust } from './cluster/verify.ts'
import type { Decision, Findings, HeaderEdits, HeaderField, Reply } from './decision.ts'
import { recipientsOf } from './envelope/envelope.ts'
import type { Policy } from './policy/policy.ts'
import { isForwarded, quarantineField } from './quarantine.ts'
import type { ScanResult } from './scan/scan.ts'
import type { Transaction } from './transaction.ts'

/** What the stages of the engine found out. */
export interface Outcome {
  readonly trust: Trust
  readonly scan: ScanResult
  readonly stamp: { readonly field: HeaderField; readonly key: string } | undefined
  readonly notes: readonly string[]
  readonly times: Readonly<Record<string, number>>
}

const CLEAN: HeaderField = { name: 'X-QHPSI', value: 'clean' }
const VIRUS_FOUND: HeaderField = { name: 'X-QHPSI', value: 'virus found' }

/** What must become of the message: pure, from what was found and what the policy says. */
export function decide(transaction: Transaction, policy: Policy, outcome: Outcome): Decision {
  const { scan, stamp } = outcome
  const findings = findingsOf(outcome)
  switch (scan.answer) {
    case 'clean':
      return accept(policy, findings, stamp ? [CLEAN, stamp.field] : [CLEAN])
    case 'skipped':
      return accept(policy, findings, [])
    case 'unknown':
      return couldNotTell(transaction, policy, findings)
    case 'infected':
      return foundSomething(transaction, policy, findings, scan)
  }
}

/** A header block that is too large to edit: no retry would make it smaller. */
export function refuseHeader(): Decision {
  const findings: Findings = { scan: 'skipped', why: headerTooLarge.text, times: {} }
  return { kind: 'reject', reply: headerTooLarge, findings }
}

function couldNotTell({ client }: Transaction, policy: Policy, findings: Findings): Decision {
  const { relayClients, others } = policy.unscanned
  if ((client.relay ? relayClients : others) === 'accept') return accept(policy, findings, [])
  return { kind: 'defer', reply: notScanned, findings }
}

function foundSomething(
  transaction: Transaction,
  policy: Policy,
  findings: Findings,
  { name, banned }: Extract<ScanResult, { answer: 'infected' }>,
): Decision {
  const { action, forward, tagOnly } = policy.infected
  const tagged = accept(policy, findings, [VIRUS_FOUND])
  if (!banned && tagOnly.some((pattern) => matches(pattern, name))) return tagged
  // A refused bounce would be tried again for ever: nobody is left to return it to.
  const refuse = action === 'reject' && !transaction.client.bounceInjector
  if (refuse) return { kind: 'reject', reply: refusal(name, banned), findings }
  if (forward !== undefined) {
    return isForwarded(transaction.envelope, forward)
      ? tagged
      : quarantine(transaction, policy, findings, forward)
  }
  return action === 'drop' ? { kind: 'discard', findings } : tagged
}

function quarantine(
  { envelope }: Transaction,
  policy: Policy,
  findings: Findings,
  forward: string,
): Decision {
  const field = quarantineField(forward, recipientsOf(envelope))
  return {
    ...accept(policy, findings, [VIRUS_FOUND, field]),
    recipients: [Buffer.from(forward, 'utf8')],
  }
}

/** Incoming X-QHPSI goes on every path, and X-Quarantine-ID where it would mean something. */
function accept(
  policy: Policy,
  findings: Findings,
  add: readonly HeaderField[],
): Extract<Decision, { kind: 'accept' }> {
  const remove =
    policy.infected.forward === undefined ? ['x-qhpsi'] : ['x-qhpsi', 'x-quarantine-id']
  const edits: HeaderEdits = { remove, add }
  return { kind: 'accept', edits, findings }
}

const notScanned: Reply = {
  class: 4,
  enhanced: '4.7.1',
  text: 'message could not be scanned, try again later',
  grounds: 'unscanned',
}

const headerTooLarge: Reply = {
  class: 5,
  enhanced: '5.3.4',
  text: 'header of the message is larger than 1 MiB',
  grounds: 'header-too-large',
}

function refusal(name: string, banned: boolean): Reply {
  const text = banned ? `message refused: banned ${name}` : `message refused: virus ${name}`
  return { class: 5, enhanced: '5.7.1', text, grounds: banned ? 'banned' : 'virus' }
}

function findingsOf({ trust, scan, stamp, notes, times }: Outcome): Findings {
  const why = [...notes]
  const found: { scanner?: string; virus?: string; key?: string } = {}
  let result: Findings['scan'] = scan.answer
  if (trust.trusted) found.key = trust.key
  else if (trust.why) why.push(trust.why)
  if (scan.answer === 'clean') {
    if (scan.scanners.length > 0) found.scanner = scan.scanners.map(({ name }) => name).join(',')
    if (trust.trusted && scan.scanners.every(({ local }) => local)) result = 'trusted'
  } else if (scan.answer === 'infected') {
    found.scanner = scan.scanner
    found.virus = scan.name
  } else {
    why.push(scan.why)
  }
  if (stamp) found.key ??= stamp.key
  return { scan: result, why: why.join('; '), times, ...found }
}

/** Patterns with `*` for any run of characters, compared without case. */
function matches(pattern: string, name: string): boolean {
  const source = pattern
    .split('*')
    .map((part) => part.replace(/[\\^$.|?+()[\]{}]/g, '\\$&'))
    .join('.*')
  return new RegExp(`^${source}$`, 'is').test(name)
}
