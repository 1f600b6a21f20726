import { compileGlob } from '../../lib/text/glob.ts'
import type { FindingAction, Property } from '../../settings/table/findings.ts'
import type { IsPassedOver } from '../scanners/contract/scanner.ts'
import { actionFor, properties, propertyOf } from '../scanners/findings/properties.ts'
import type {
  Infected,
  ScanResult,
  Unread,
  UnreadResult,
} from '../scanners/findings/scan-result.ts'
import type { JudgeConfig, MailSettings } from './config.ts'
import type { Grounds } from './decision.ts'
import type { StepsByAddress } from './steps-by-address.ts'
import type { Client } from './transaction.ts'

/** The action of a setting for mail that has a property, or of which a part cannot be read. */
export interface Treatment {
  readonly action: MailSettings['UNREAD' | 'STRICTMIME'] | FindingAction
  readonly grounds: Grounds
  /** Ends the sentence "message refused: ...". */
  readonly because: string
  /** The subject and detail of the reply's status, if it is not about the form of the message. */
  readonly status?: string
}

/** RFC 3463: a message that policy does not accept, regardless of its form. */
export const POLICY_STATUS = { status: '7.1' }

interface UnreadRow extends Pick<Treatment, 'grounds' | 'status'> {
  readonly action: (settings: MailSettings) => Treatment['action']
  readonly because: (result: UnreadResult) => string
}

/** The treatment of a message by what was not read of it. What is not in the table is accepted. */
const unreadRows: Readonly<Partial<Record<Unread, UnreadRow>>> = {
  unpacked: {
    action: ({ UNREAD }) => UNREAD,
    grounds: 'too-large-inside',
    because: () => 'a file packed in it is too large to be scanned',
  },
  depth: {
    action: ({ UNREAD }) => UNREAD,
    grounds: 'nested-too-deep',
    because: () => 'messages or multiparts in it are nested too deep to be scanned',
  },
  contents: {
    action: ({ UNREAD }) => UNREAD,
    grounds: 'too-much-inside',
    because: ({ why, limit = why }) => `it contains more than can be scanned (${limit})`,
  },
  encrypted: {
    ...POLICY_STATUS,
    action: ({ FINDINGS }) => actionFor('encrypted', FINDINGS),
    grounds: 'encrypted',
    because: () => properties.encrypted.because,
  },
  form: {
    action: ({ STRICTMIME }) => STRICTMIME,
    grounds: 'strange-mime',
    because: ({ why }) => `its form is not that of ordinary mail (${why})`,
  },
}

/** Returns the treatment of a message that was not read to its end, or undefined if it is accepted. */
export function treatmentOfUnread(
  result: UnreadResult,
  settings: MailSettings,
): Treatment | undefined {
  const row = unreadRows[result.what]
  return row && { ...row, action: row.action(settings), because: row.because(result) }
}

/** The actions that leave a message as it is. */
export function isAccepting(action: Treatment['action']): action is 'accept' | 'off' | 'virus' {
  return action === 'accept' || action === 'off' || action === 'virus'
}

/** Returns the unread parts of a message for which mail of this client is kept out. */
export function whatKeepsOut(
  { isBounceInjector }: Client,
  settings: MailSettings,
  { appliesLimits }: StepsByAddress,
): ReadonlySet<Unread> {
  if (isBounceInjector) return new Set() // a refused bounce would be tried again indefinitely
  const keepsOut = new Set<Unread>()
  if (settings.OVERSIZE === 'defer') keepsOut.add('size') // an unknown answer: SCANFAIL decides
  for (const [what, { action }] of Object.entries(unreadRows)) {
    if (!isAccepting(action(settings))) keepsOut.add(what as Unread)
  }
  if (!appliesLimits) keepsOut.delete('form')
  return keepsOut
}

/** The action that FINDINGS sets for a finding. */
interface FindingTreatment {
  /** Absent if the name is that of malware. */
  readonly property: Property | undefined
  readonly action: Exclude<FindingAction, 'virus'>
}

/**
 * Returns the action that FINDINGS sets for a finding, or undefined for infected mail. FINDINGS never applies
 * to a banned attachment.
 */
export function treatmentOf(
  { name, banned = false }: Pick<Infected, 'name' | 'banned'>,
  { FINDINGS }: MailSettings,
): FindingTreatment | undefined {
  if (banned) return undefined
  const property = propertyOf(name)
  const { action = 'virus' } =
    FINDINGS.find(({ what }) =>
      typeof what === 'string' ? what === property : compileGlob(what.pattern, '*')(name),
    ) ?? {}
  return action === 'virus' ? undefined : { property, action }
}

/** Returns whether FINDINGS keeps mail out for malware, and not only for a property. */
export function keepsMalwareOut({ property, action }: FindingTreatment): boolean {
  return property === undefined && action !== 'accept' && action !== 'tag'
}

/**
 * Returns a test for findings that do not end a scan, because worse content may follow. These are findings
 * that exceptions of onescan.policy or FINDINGS accept, and properties for which FINDINGS has an action.
 * Malware that FINDINGS keeps out ends a scan like all malware: otherwise a later unknown result could let
 * the message in. Returns undefined if every finding ends a scan.
 */
export function isPassedOverBy({ settings, allowedBy }: JudgeConfig): IsPassedOver | undefined {
  const treats = settings.FINDINGS.some(({ action }) => action !== 'virus')
  if (allowedBy === undefined && !treats) return undefined
  return (found) => {
    if (allowedBy?.(found.name) !== undefined) return true
    const treated = treatmentOf(found, settings)
    return treated !== undefined && !keepsMalwareOut(treated)
  }
}

/** The actions of FINDINGS, from the mildest to the strictest. */
const STRICTNESS = ['accept', 'tag', 'defer', 'quarantine', 'refuse'] as const

/**
 * How strictly a message is treated for a result that does not end the scan, and for an unknown answer. Where
 * SCANFAIL lets mail with an unknown answer in, it does so as if that were tagged: what keeps mail out is stricter.
 */
export function strictnessFor({ settings, allowedBy }: JudgeConfig): (found: ScanResult) => number {
  const actionOf = (found: ScanResult): (typeof STRICTNESS)[number] => {
    if (found.answer === 'unknown') return settings.SCANFAIL === 'accept' ? 'tag' : 'refuse'
    if (found.answer === 'unread' && found.what === 'encrypted') {
      const action = actionFor('encrypted', settings.FINDINGS)
      return action === 'virus' ? 'accept' : action
    }
    if (found.answer !== 'infected') return 'accept'
    if (allowedBy?.(found.name) !== undefined) return 'tag'
    return treatmentOf(found, settings)?.action ?? 'tag'
  }
  return (found) => STRICTNESS.indexOf(actionOf(found))
}
