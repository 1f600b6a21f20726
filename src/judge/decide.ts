import type { HeaderField } from '../message/edits.ts'
import type { FormAction } from '../scan/shared/scan-policy.ts'
import type { ScanResult } from '../scan/shared/scan-result.ts'
import type { Acceptance, Grounds, QuarantineDecision, SingleDecision } from './decision.ts'
import { isOnlyTagged } from './exceptions.ts'
import { fateOfInfected } from './fate.ts'
import { forwardTo } from './forward.ts'
import { findingsOf, type Outcome } from './outcome.ts'
import type { Policy } from './policy.ts'
import { NOT_SCANNED, refusal, replyAboutForm } from './replies.ts'
import type { Transaction } from './transaction.ts'

const CLEAN: HeaderField = { name: 'X-QHPSI', value: 'clean' }
const VIRUS_FOUND: HeaderField = { name: 'X-QHPSI', value: 'virus found' }

/**
 * Decides what becomes of a message. Pure: the decision depends only on what the stages found and
 * what the policy says.
 */
export function decide(transaction: Transaction, policy: Policy, outcome: Outcome): SingleDecision {
  const { scan, stamp, remove } = outcome
  const findings = findingsOf(outcome)
  const accept = (...add: readonly HeaderField[]): Acceptance => {
    return { kind: 'accept', edits: { remove, add }, findings }
  }
  switch (scan.answer) {
    case 'clean':
      return stamp ? accept(CLEAN, stamp.field) : accept(CLEAN)
    case 'skipped':
      return accept()
    case 'unknown':
      return decideCouldNotTell(transaction, policy, accept())
    case 'infected':
      return decideInfected(transaction, policy, accept(VIRUS_FOUND), scan)
    case 'nested': {
      const why = 'messages or multiparts in it are nested too deep to be scanned'
      return decideByForm(policy.scan.nesting.action, policy, accept(), 'nested-too-deep', why)
    }
    case 'crowded': {
      const why = `more is in it than can be scanned (${scan.limit})`
      return decideByForm(policy.scan.nesting.action, policy, accept(), 'too-much-inside', why)
    }
    case 'strange': {
      const { encrypted, strict } = policy.scan.secondLook
      if (scan.why === 'encrypted') {
        const why = 'what is encrypted in it cannot be scanned'
        return decideByForm(encrypted, policy, accept(), 'encrypted', why)
      }
      const why = `not written as mail programs write it (${scan.why})`
      return decideByForm(strict, policy, accept(), 'strange-mime', why)
    }
  }
}

/** No scanner could tell: SCANFAIL and SCANFAIL_RELAY decide. */
function decideCouldNotTell(
  { client }: Transaction,
  { unscanned, quarantine }: Policy,
  untagged: Acceptance,
): SingleDecision {
  switch (client.relay ? unscanned.relayClients : unscanned.others) {
    case 'accept':
      return untagged
    case 'quarantine':
      return keepInQuarantine(quarantine, 'unscanned', untagged)
    case 'defer':
      return { kind: 'defer', reply: NOT_SCANNED, findings: untagged.findings }
  }
}

/**
 * A scanner found something: VIRUSTAGONLY, then exceptions of onescan.policy, then fateOfInfected()
 * decide.
 */
function decideInfected(
  { envelope, client }: Transaction,
  policy: Policy,
  tagged: Acceptance,
  { name, banned }: Extract<ScanResult, { answer: 'infected' }>,
): SingleDecision {
  const { infected, quarantine, allowedBy } = policy
  const { findings } = tagged
  if (isOnlyTagged({ name, banned }, { infected })) return tagged
  const allowed = allowedBy?.(name)
  if (allowed !== undefined) return { ...tagged, findings: { ...findings, allowed } }
  switch (fateOfInfected(policy, client)) {
    case 'reject':
      return { kind: 'reject', reply: refusal(name, banned), findings }
    case 'quarantine':
      return keepInQuarantine(quarantine, banned ? 'banned' : 'virus', tagged)
    case 'forward':
      return forwardTo(infected.forward!, envelope, tagged)
    case 'drop':
      return { kind: 'discard', findings }
    case 'tag':
      return tagged
  }
}

/**
 * Scanners cannot see all of the message, or programs differ about it: OVERNESTING or STRICTMIME,
 * whose value is `action`, decides. `why` ends the sentence "message refused: ...".
 */
function decideByForm(
  action: FormAction | 'accept' | 'off',
  { quarantine }: Policy,
  untagged: Acceptance,
  grounds: Grounds,
  why: string,
): SingleDecision {
  const { findings } = untagged
  switch (action) {
    case 'quarantine':
      return keepInQuarantine(quarantine, grounds, untagged)
    case 'defer':
      return { kind: 'defer', reply: replyAboutForm('deferred', grounds, why), findings }
    case 'refuse':
    // OVERNESTING=accept and STRICTMIME=off keep no message out, so no scan leads here with them.
    case 'accept':
    case 'off':
      return { kind: 'reject', reply: replyAboutForm('refused', grounds, why), findings }
  }
}

/** readPolicy() has made sure that there is a quarantine if a setting asks for it. */
function keepInQuarantine(
  quarantine: Policy['quarantine'],
  grounds: Grounds,
  { edits, findings }: Acceptance,
): QuarantineDecision {
  return { kind: 'quarantine', quarantine: quarantine!, grounds, edits, findings }
}
