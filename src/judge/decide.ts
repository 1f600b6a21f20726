import { NO_STAMP, type Trust } from '../cluster/verify.ts'
import { compileGlob } from '../ground/settings/glob.ts'
import type { HeaderEdits, HeaderField } from '../message/edits.ts'
import { readAddress } from '../message/envelope/address.ts'
import { recipientsOf } from '../message/envelope/envelope.ts'
import type { Header } from '../message/header-block.ts'
import type { ScanResult } from '../scan/shared/scan-result.ts'
import type { Findings, Grounds, QuarantineDecision, Reply, SingleDecision } from './decision.ts'
import type { Policy } from './policy.ts'
import { quarantineField, wasForwarded } from './quarantine-field.ts'
import type { Transaction } from './transaction.ts'

/** What the stages of the engine found out. */
export interface Outcome {
  readonly trust: Trust
  readonly scan: ScanResult
  /** Set if the result is that of a copy: on which host, and how many seconds ago. */
  readonly known?: { readonly host: string; readonly age: number } | undefined
  /** Traits by which readers of mail may differ about it, if they were looked for. */
  readonly traits: ReadonlySet<string>
  readonly stamp: { readonly field: HeaderField; readonly key: string } | undefined
  /**
   * Lower-case names of the fields that are removed: scanners and the stamp saw the message without
   * them.
   */
  readonly remove: readonly string[]
  readonly notes: readonly string[]
  readonly times: Readonly<Record<string, number>>
}

const CLEAN: HeaderField = { name: 'X-QHPSI', value: 'clean' }
const VIRUS_FOUND: HeaderField = { name: 'X-QHPSI', value: 'virus found' }

/**
 * What must become of the message. Pure: it depends only on what was found and what the policy
 * says.
 */
export function decide(transaction: Transaction, policy: Policy, outcome: Outcome): SingleDecision {
  const { scan, stamp, remove } = outcome
  const findings = findingsOf(outcome)
  const accept = (...add: readonly HeaderField[]): Accept => {
    return { kind: 'accept', edits: { remove, add }, findings }
  }
  switch (scan.answer) {
    case 'clean':
      return stamp ? accept(CLEAN, stamp.field) : accept(CLEAN)
    case 'skipped':
      return accept()
    case 'unknown':
      return unscanned(transaction, policy, accept())
    case 'nested':
      return keptOut(policy.scan.nesting.over, policy, accept(), 'nested-too-deep', (verb) => {
        return `message ${verb}: messages or multiparts in it are nested too deep to be scanned`
      })
    case 'crowded':
      return keptOut(policy.scan.nesting.over, policy, accept(), 'too-much-inside', (verb) => {
        return `message ${verb}: more is in it than can be scanned (${scan.limit})`
      })
    case 'strange':
      return keptOut(policy.scan.secondLook.strict, policy, accept(), 'strange-mime', (verb) => {
        const text = `message ${verb}: not written as mail programs write it (${scan.why})`
        return text.slice(0, 200)
      })
    case 'infected':
      return foundSomething(transaction, policy, accept(VIRUS_FOUND), scan)
  }
}

type Accept = Extract<SingleDecision, { kind: 'accept' }>

/** A header block that is too large to edit: no retry would make it smaller. */
export function refuseLargeHeader(): SingleDecision {
  return refuseUnseen(headerTooLarge)
}

/**
 * The header has a field that must go and cannot be removed; `why` ends "message refused: ". A
 * directory keeps it as it came, like infected mail. An MTA that held it could deliver it later
 * with the field.
 */
export function decideUnclearHeader(
  why: string,
  { client }: Pick<Transaction, 'client'>,
  { infected, quarantine }: Pick<Policy, 'infected' | 'quarantine'>,
): SingleDecision {
  const grounds = 'unclear-header'
  const isRefused = infected.action === 'reject' && !client.bounceInjector
  if (!isRefused && quarantine?.kind === 'directory') {
    const findings: Findings = { scan: 'skipped', why, times: {} }
    const edits: HeaderEdits = { remove: [], add: [] }
    return { kind: 'quarantine', place: quarantine, grounds, edits, findings }
  }
  return refuseUnseen({ class: 5, enhanced: '5.6.0', text: `message refused: ${why}`, grounds })
}

function refuseUnseen(reply: Reply): SingleDecision {
  return { kind: 'reject', reply, findings: { scan: 'skipped', why: reply.text, times: {} } }
}

function unscanned(
  { client }: Transaction,
  { unscanned, quarantine }: Policy,
  untouched: Accept,
): SingleDecision {
  const { findings } = untouched
  switch (client.relay ? unscanned.relayClients : unscanned.others) {
    case 'accept':
      return untouched
    case 'quarantine':
      return keptIn(quarantine, 'unscanned', untouched)
    case 'defer':
      return { kind: 'defer', reply: notScanned, findings }
  }
}

/**
 * `otherwise` is what the message would be accepted with. readPolicy() has made sure that there is
 * a quarantine.
 */
function keptIn(
  quarantine: Policy['quarantine'],
  grounds: Grounds,
  { edits, findings }: Accept,
): QuarantineDecision {
  return { kind: 'quarantine', place: quarantine!, grounds, edits, findings }
}

function foundSomething(
  transaction: Transaction,
  policy: Policy,
  tagged: Accept,
  { name, banned }: Extract<ScanResult, { answer: 'infected' }>,
): SingleDecision {
  const { action, forward, tagOnly } = policy.infected
  const { findings } = tagged
  if (!banned && tagOnly.some((pattern) => compileGlob(pattern, '*')(name))) return tagged
  const allowed = policy.allowedBy?.(name)
  if (allowed !== undefined) return { ...tagged, findings: { ...findings, allowed } }
  // A refused bounce would be tried again for ever, since there is no sender to return it to.
  const refuse = action === 'reject' && !transaction.client.bounceInjector
  if (refuse) return { kind: 'reject', reply: refusal(name, banned), findings }
  if (policy.quarantine !== undefined) {
    return keptIn(policy.quarantine, banned ? 'banned' : 'virus', tagged)
  }
  if (forward !== undefined) return quarantine(transaction, tagged, forward)
  return action === 'drop' ? { kind: 'discard', findings } : tagged
}

function quarantine({ envelope }: Transaction, tagged: Accept, written: string): SingleDecision {
  const forward = readAddress(Buffer.from(written, 'utf8'))
  if (wasForwarded(envelope, forward)) return tagged
  const { remove, add } = tagged.edits
  const field = quarantineField(forward, recipientsOf(envelope))
  // A message that a stamp vouched for makes room, too.
  const edits: HeaderEdits = { remove: [...new Set([...remove, QUARANTINE])], add: [...add, field] }
  return { ...tagged, edits, recipients: [forward] }
}

const QUARANTINE = 'x-quarantine-id'

/**
 * The fields that are removed from every message before it is scanned: incoming X-QHPSI, and
 * X-Quarantine-ID if VIRUSFORWARD is set.
 */
export function fieldsThatGo({ infected }: Policy): readonly string[] {
  return infected.forward === undefined ? ['x-qhpsi'] : ['x-qhpsi', QUARANTINE]
}

/**
 * The fields that go once it is known which host to trust. If a trusted stamp vouches for every
 * X-Quarantine-ID of the message, they stay: a host of the cluster made them or let them pass, and
 * without them its stamp would break.
 */
export function fieldsThatGoFrom(header: Header, trust: Trust, policy: Policy): readonly string[] {
  const names = fieldsThatGo(policy)
  if (!trust.trusted || trust.stamp === undefined) return names
  const first = header.fields.findIndex(({ key }) => key === QUARANTINE)
  return first > trust.stamp ? names.filter((name) => name !== QUARANTINE) : names
}

const notScanned: Reply = {
  class: 4,
  enhanced: '4.7.1',
  text: 'message could not be scanned, try again later',
  grounds: 'unscanned',
}

/** What becomes of a message that is not taken for its content, in words that no sender chooses. */
function keptOut(
  over: Policy['scan']['nesting']['over'] | Policy['scan']['secondLook']['strict'],
  { quarantine }: Policy,
  untouched: Accept,
  grounds: Grounds,
  text: (verb: 'deferred' | 'refused') => string,
): SingleDecision {
  const { findings } = untouched
  if (over === 'quarantine') return keptIn(quarantine, grounds, untouched)
  if (over === 'defer') {
    const reply: Reply = { class: 4, enhanced: '4.6.0', text: text('deferred'), grounds }
    return { kind: 'defer', reply, findings }
  }
  const reply: Reply = { class: 5, enhanced: '5.6.0', text: text('refused'), grounds }
  return { kind: 'reject', reply, findings }
}

const headerTooLarge: Reply = {
  class: 5,
  enhanced: '5.3.4',
  text: 'header of the message is larger than 1 MiB',
  grounds: 'header-too-large',
}

/** How infected or banned mail is refused. */
export function refusal(name: string, banned: boolean): Reply {
  const text = banned ? `message refused: banned ${name}` : `message refused: virus ${name}`
  return { class: 5, enhanced: '5.7.1', text, grounds: banned ? 'banned' : 'virus' }
}

function findingsOf({ trust, scan, known, traits, stamp, notes, times }: Outcome): Findings {
  const why = [...notes]
  const found: { -readonly [Name in keyof Findings]?: Findings[Name] } = {}
  if (traits.size > 0) found.odd = [...traits].join(',')
  let result = scanWord(scan)
  if (trust.trusted) found.key = trust.key
  else if (trust.why && trust.why !== NO_STAMP) why.push(trust.why) // most mail has none
  if (scan.answer === 'clean') {
    if (scan.scanners.length > 0) found.scanner = scan.scanners.map(({ name }) => name).join(',')
    if (trust.trusted && scan.scanners.every(({ local }) => local)) result = 'trusted'
  } else if (scan.answer === 'infected') {
    found.scanner = scan.scanner
    found[scan.banned ? 'banned' : 'virus'] = scan.name
  } else {
    why.push(scan.why)
    if (scan.answer === 'unknown') found.cause = scan.cause
  }
  if (stamp) found.key ??= stamp.key
  if (known !== undefined) {
    result = 'known'
    found.by = known.host
    found.age = Math.max(0, known.age)
  }
  return { scan: result, why: why.join('; '), times, ...found }
}

function scanWord({ answer }: ScanResult): Findings['scan'] {
  const isKeptOut = answer === 'nested' || answer === 'crowded' || answer === 'strange'
  return isKeptOut ? 'skipped' : answer
}
