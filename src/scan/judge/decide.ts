import type { HeaderField } from '../../mail/message/header-block.ts'
import type { Infected, ScanFinding, Unseen } from '../scanners/shared/finding.ts'
import type { Acceptance, Grounds, QuarantineDecision, SingleDecision } from './decision.ts'
import { isOnlyTagged } from './exceptions.ts'
import { fateOfInfected } from './fate.ts'
import { forwardTo } from './forward.ts'
import { findingsOf, type Outcome } from './outcome.ts'
import type { MailSettings, Policy } from './policy.ts'
import { NOT_SCANNED, refusal, replyAboutForm } from './replies.ts'
import type { Transaction } from './transaction.ts'

const CLEAN: HeaderField = { name: 'X-QHPSI', value: 'clean' }
const VIRUS_FOUND: HeaderField = { name: 'X-QHPSI', value: 'virus found' }

/**
 * Decides what becomes of a message. Pure: the decision depends only on what the stages found and
 * what the policy says.
 */
export function decide(transaction: Transaction, policy: Policy, outcome: Outcome): SingleDecision {
  const { result, stamp, remove } = outcome
  const findings = findingsOf(outcome)
  const accept = (...add: readonly HeaderField[]): Acceptance => {
    return { kind: 'accept', edits: { remove, add }, findings }
  }
  switch (result.answer) {
    case 'clean':
      return stamp ? accept(CLEAN, stamp.field) : accept(CLEAN)
    case 'unknown':
      return decideCouldNotTell(transaction, policy.settings, accept())
    case 'infected':
      return decideInfected(transaction, policy, accept(VIRUS_FOUND), result)
    case 'unseen':
      return decideUnseen(transaction, policy.settings, accept(), result)
  }
}

/** No scanner could tell: SCANFAIL and SCANFAIL_RELAY decide. */
function decideCouldNotTell(
  { client }: Transaction,
  { SCANFAIL, SCANFAIL_RELAY, QUARANTINE }: MailSettings,
  untagged: Acceptance,
): SingleDecision {
  switch (client.relay ? SCANFAIL_RELAY : SCANFAIL) {
    case 'accept':
      return untagged
    case 'quarantine':
      return keepInQuarantine(QUARANTINE, 'unscanned', untagged)
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
  { settings, allowedBy }: Policy,
  tagged: Acceptance,
  { name, banned = false }: Infected,
): SingleDecision {
  const { findings } = tagged
  if (isOnlyTagged({ name, banned }, settings)) return tagged
  const allowed = allowedBy?.(name)
  if (allowed !== undefined) return { ...tagged, findings: { ...findings, allowed } }
  switch (fateOfInfected(settings, client)) {
    case 'reject':
      return { kind: 'reject', reply: refusal(name, banned), findings }
    case 'quarantine':
      return keepInQuarantine(settings.QUARANTINE, banned ? 'banned' : 'virus', tagged)
    case 'forward':
      return forwardTo(settings.VIRUSFORWARD!, envelope, tagged)
    case 'drop':
      return { kind: 'discard', findings }
    case 'tag':
      return tagged
  }
}

/**
 * Scanners cannot see all of the message, or programs differ about it: OVERNESTING, ENCRYPTED or
 * STRICTMIME decides. A refused bounce would be tried again for ever.
 */
function decideUnseen(
  { client }: Transaction,
  { OVERNESTING, ENCRYPTED, STRICTMIME, QUARANTINE }: MailSettings,
  untagged: Acceptance,
  { what, why, limit = why }: Extract<ScanFinding, { answer: 'unseen' }>,
): SingleDecision {
  const treatments: Readonly<Record<Unseen, Treatment | undefined>> = {
    size: undefined,
    skipped: undefined,
    depth: {
      action: OVERNESTING,
      grounds: 'nested-too-deep',
      because: 'messages or multiparts in it are nested too deep to be scanned',
    },
    contents: {
      action: OVERNESTING,
      grounds: 'too-much-inside',
      because: `more is in it than can be scanned (${limit})`,
    },
    encrypted: {
      action: ENCRYPTED,
      grounds: 'encrypted',
      because: 'what is encrypted in it cannot be scanned',
    },
    form: {
      action: STRICTMIME,
      grounds: 'strange-mime',
      because: `not written as mail programs write it (${why})`,
    },
  }
  const treatment = treatments[what]
  if (treatment === undefined || client.bounceInjector) return untagged
  const { action, grounds, because } = treatment
  const { findings } = untagged
  switch (action) {
    case 'accept':
    case 'off':
      return untagged
    case 'quarantine':
      return keepInQuarantine(QUARANTINE, grounds, untagged)
    case 'defer':
      return { kind: 'defer', reply: replyAboutForm('deferred', grounds, because), findings }
    case 'refuse':
      return { kind: 'reject', reply: replyAboutForm('refused', grounds, because), findings }
  }
}

/** What policy does with mail of which something cannot be seen. */
interface Treatment {
  readonly action: MailSettings['OVERNESTING' | 'ENCRYPTED' | 'STRICTMIME']
  readonly grounds: Grounds
  /** Ends the sentence "message refused: ...". */
  readonly because: string
}

/** readPolicy() has made sure that there is a quarantine if a setting asks for it. */
function keepInQuarantine(
  quarantine: MailSettings['QUARANTINE'],
  grounds: Grounds,
  { edits, findings }: Acceptance,
): QuarantineDecision {
  return { kind: 'quarantine', quarantine: quarantine!, grounds, edits, findings }
}
