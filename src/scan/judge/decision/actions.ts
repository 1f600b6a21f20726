import { compileGlob } from '../../../lib/text/glob.ts'
import type { Values } from '../../../settings/read-settings.ts'
import { ACTIONS, type Action, type Property } from '../../../settings/table/findings.ts'
import type { infectedMail } from '../../../settings/table/infected-mail.ts'
import type { IsTolerated } from '../../scanners/contract/scanner.ts'
import { actionFor, properties, propertyOf } from '../../scanners/findings/properties.ts'
import type {
  Infected,
  ScanResult,
  Unread,
  UnreadResult,
} from '../../scanners/findings/scan-result.ts'
import type { JudgeConfig, MailSettings } from '../context/judge-config.ts'
import type { StepsForContent } from '../context/steps-for-content.ts'
import type { Client } from '../context/transaction.ts'
import type { Grounds } from './decision.ts'

/**
 * Returns the action for infected mail that no exception accepts, by REJECTVIRUS, QUARANTINE and VIRUSFORWARD,
 * in this order. Decisions follow it, and so do the lines that describe the configuration. A bounce of the
 * MTA's own is never refused: it has no sender to return it to, so the MTA would retry it indefinitely.
 */
export function actionForInfected(
  { REJECTVIRUS, QUARANTINE, VIRUSFORWARD }: Values<typeof infectedMail>,
  { isBounceInjector }: { readonly isBounceInjector: boolean },
): Exclude<Action, 'accept' | 'defer'> | 'forward' | 'drop' {
  if (REJECTVIRUS === 'refuse' && !isBounceInjector) return 'refuse'
  if (QUARANTINE !== undefined) return 'quarantine'
  if (VIRUSFORWARD !== undefined) return 'forward'
  return REJECTVIRUS === 'drop' ? 'drop' : 'tag'
}

/** The action of a setting for mail that has a property, or of which a part cannot be read. */
export interface ReasonedAction {
  readonly action: Action
  readonly grounds: Grounds
  /** Ends the sentence "message refused: ...". */
  readonly because: string
  /** The subject and detail of the reply's status, if it is not about the form of the message. */
  readonly status?: string
}

/** RFC 3463: a message that policy does not accept, regardless of its form. */
export const POLICY_STATUS = { status: '7.1' }

interface UnreadRow extends Pick<ReasonedAction, 'grounds' | 'status'> {
  readonly action: (settings: MailSettings) => Action
  readonly because: (result: UnreadResult) => string
}

/** The action for a message by what was not read of it. Whatever is not in the table is accepted. */
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
    because: ({ reason, limit = reason }) => `it contains more than can be scanned (${limit})`,
  },
  encrypted: {
    ...POLICY_STATUS,
    action: actionForEncrypted,
    grounds: 'encrypted',
    because: () => properties.encrypted.because,
  },
  oddities: {
    action: ({ STRICTMIME }) => (STRICTMIME === 'off' ? 'accept' : STRICTMIME),
    grounds: 'strange-mime',
    because: ({ reason }) => `its form is not that of ordinary mail (${reason})`,
  },
}

/** FINDINGS need not name encrypted content, which is then accepted. */
function actionForEncrypted({ FINDINGS }: MailSettings): Action {
  const action = actionFor('encrypted', FINDINGS)
  return action === 'virus' ? 'accept' : action
}

/** Returns the action for a message that was not read to its end, or undefined if it is accepted. */
export function actionForUnread(
  result: UnreadResult,
  settings: MailSettings,
): ReasonedAction | undefined {
  const row = unreadRows[result.what]
  return row && { ...row, action: row.action(settings), because: row.because(result) }
}

/** Returns the unread parts of a message for which mail of this client is kept out. */
export function whatKeepsOut(
  { isBounceInjector }: Client,
  settings: MailSettings,
  { appliesLimits }: StepsForContent,
): ReadonlySet<Unread> {
  if (isBounceInjector) return new Set() // a refused bounce would be tried again indefinitely
  const keepsOut = new Set<Unread>()
  if (settings.OVERSIZE === 'defer') keepsOut.add('size') // an unknown answer: SCANFAIL decides
  for (const [what, { action }] of Object.entries(unreadRows)) {
    if (action(settings) !== 'accept') keepsOut.add(what as Unread)
  }
  if (!appliesLimits) keepsOut.delete('oddities')
  return keepsOut
}

/** The action that FINDINGS sets for a finding. */
interface FindingAction {
  /** Absent if the name is that of malware. */
  readonly property: Property | undefined
  readonly action: Action
}

/**
 * Returns the action that FINDINGS sets for a finding, or undefined for infected mail. FINDINGS never applies
 * to a banned attachment.
 */
export function actionForFinding(
  { name, banned = false }: Pick<Infected, 'name' | 'banned'>,
  { FINDINGS }: MailSettings,
): FindingAction | undefined {
  if (banned) return undefined
  const property = propertyOf(name)
  const { action = 'virus' } =
    FINDINGS.find(({ what }) =>
      typeof what === 'string' ? what === property : compileGlob(what.pattern, '*')(name),
    ) ?? {}
  return action === 'virus' ? undefined : { property, action }
}

/** Returns whether FINDINGS keeps mail out for malware, and not only for a property. */
export function keepsMalwareOut({ property, action }: FindingAction): boolean {
  return property === undefined && action !== 'accept' && action !== 'tag'
}

/**
 * Returns a test for findings that do not end a scan, because worse content may follow. These are findings
 * that exceptions of onescan.policy or FINDINGS accept, and properties for which FINDINGS has an action.
 * Malware that FINDINGS keeps out ends a scan like all malware: otherwise a later unknown result could let
 * the message in. Returns undefined if every finding ends a scan.
 */
export function isToleratedBy({ settings, allowedBy }: JudgeConfig): IsTolerated | undefined {
  const isNamed = settings.FINDINGS.some(({ action }) => action !== 'virus')
  if (allowedBy === undefined && !isNamed) return undefined
  return (found) => {
    if (allowedBy?.(found.name) !== undefined) return true
    const byFindings = actionForFinding(found, settings)
    return byFindings !== undefined && !keepsMalwareOut(byFindings)
  }
}

/**
 * How strictly a message is treated for a result that does not end the scan, and for an unknown answer. Where
 * SCANFAIL lets mail with an unknown answer in, it does so as if that were tagged: what keeps mail out is stricter.
 */
export function strictnessFor({ settings, allowedBy }: JudgeConfig): (found: ScanResult) => number {
  const actionOf = (found: ScanResult): Action => {
    if (found.answer === 'unknown') return settings.SCANFAIL === 'accept' ? 'tag' : 'refuse'
    if (found.answer === 'unread' && found.what === 'encrypted') return actionForEncrypted(settings)
    if (found.answer !== 'infected') return 'accept'
    if (allowedBy?.(found.name) !== undefined) return 'tag'
    return actionForFinding(found, settings)?.action ?? 'tag'
  }
  return (found) => ACTIONS.indexOf(actionOf(found))
}
