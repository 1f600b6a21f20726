import type { Values } from '../../../../base/settings/read-settings.ts'
import { ACTIONS, type Action, type Property } from '../../../../base/settings/table/findings.ts'
import type {
  infectedMail,
  QuarantineTarget,
} from '../../../../base/settings/table/infected-mail.ts'
import { compileGlob } from '../../../../base/text/glob.ts'
import type { Grounds } from '../../replies/reply.ts'
import { actionFor, properties, propertyOf } from '../../scanners/findings/properties.ts'
import type {
  Infected,
  ScanResult,
  Tolerance,
  Unread,
  UnreadResult,
} from '../../scanners/findings/scan-result.ts'
import type { Submission } from '../../scanners/run/submission.ts'
import type { JudgeConfig } from '../context/judge-config.ts'
import type { Client } from '../context/transaction.ts'

/** The action for infected mail, with the quarantine or the address that gets it. */
type InfectedAction =
  | { readonly action: 'refuse' | 'drop' | 'tag' }
  | { readonly action: 'quarantine'; readonly quarantine: QuarantineTarget }
  | { readonly action: 'forward'; readonly address: string }

/**
 * Returns the action for infected mail that no exception accepts, by REJECTVIRUS, QUARANTINE and VIRUSFORWARD,
 * in this order. Decisions follow it, and so do the lines that describe the configuration. A bounce of the
 * MTA's own is never refused: it has no sender to return it to, so the MTA would retry it indefinitely. Mail in a
 * queue is not refused either.
 */
export function actionForInfected(
  { REJECTVIRUS, QUARANTINE, VIRUSFORWARD }: Values<typeof infectedMail>,
  { isBounceInjector, isQueued = false }: Pick<Client, 'isBounceInjector' | 'isQueued'>,
): InfectedAction {
  if (REJECTVIRUS === 'refuse' && !isBounceInjector && !isQueued) return { action: 'refuse' }
  if (QUARANTINE !== undefined) return { action: 'quarantine', quarantine: QUARANTINE }
  if (VIRUSFORWARD !== undefined) return { action: 'forward', address: VIRUSFORWARD }
  return { action: REJECTVIRUS === 'drop' ? 'drop' : 'tag' }
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
  readonly action: (config: JudgeConfig) => Action
  readonly because: (result: UnreadResult) => string
}

/** The action for a message by what was not read of it. Whatever is not in the table is accepted. */
const unreadRows: Readonly<Partial<Record<Unread, UnreadRow>>> = {
  unpacked: {
    action: ({ settings: { UNREAD } }) => UNREAD,
    grounds: 'too-large-inside',
    because: () => 'a file packed in it is too large to be scanned',
  },
  depth: {
    action: ({ settings: { UNREAD } }) => UNREAD,
    grounds: 'nested-too-deep',
    because: () => 'messages or multiparts in it are nested too deep to be scanned',
  },
  contents: {
    action: ({ settings: { UNREAD } }) => UNREAD,
    grounds: 'too-much-inside',
    because: ({ reason, limit = reason }) => `it contains more than can be scanned (${limit})`,
  },
  unreadable: {
    action: ({ settings: { UNREAD } }) => UNREAD,
    grounds: 'unreadable',
    because: ({ reason, limit = reason }) => `it contains ${limit}`,
  },
  encrypted: {
    ...POLICY_STATUS,
    action: actionForEncrypted,
    grounds: 'encrypted',
    because: () => properties.encrypted.because,
  },
  oddities: {
    action: ({ settings: { STRICTMIME } }) => (STRICTMIME === 'off' ? 'accept' : STRICTMIME),
    grounds: 'strange-mime',
    because: ({ reason }) => `malformed MIME (${reason})`,
  },
}

/** FINDINGS need not name encrypted content, which is then accepted. */
function actionForEncrypted({ settings: { FINDINGS } }: JudgeConfig): Action {
  const action = actionFor('encrypted', FINDINGS)
  return action === 'virus' ? 'accept' : action
}

const keepsOut = (action: Action) => action !== 'accept' && action !== 'tag'

/** Returns the action for a message that was not read to its end, or undefined if it is accepted. */
export function actionForUnread(
  result: UnreadResult,
  config: JudgeConfig,
): ReasonedAction | undefined {
  const row = unreadRows[result.kind]
  return row && { ...row, action: row.action(config), because: row.because(result) }
}

/** Returns which results do not end the scan of a message from this client. */
export function toleranceFor(
  client: Client,
  config: JudgeConfig,
  { hasLimits, hasMailForm }: Pick<Submission, 'hasLimits' | 'hasMailForm'>,
): Tolerance {
  return {
    isTolerated: isToleratedBy(config),
    keepsOut: whatKeepsOut(client, config, hasMailForm),
    toleratesLimits: !hasLimits,
    strictness: strictnessFor(config),
  }
}

/** Returns the unread parts of a message for which mail of this client is kept out. */
function whatKeepsOut(
  { isBounceInjector }: Client,
  config: JudgeConfig,
  hasMailForm: boolean,
): ReadonlySet<Unread> {
  if (isBounceInjector) return new Set() // a refused bounce would be tried again indefinitely
  const reasons = new Set<Unread>()
  // An unknown answer: SCANFAIL decides.
  if (config.settings.OVERSIZE === 'defer') reasons.add('size')
  for (const [kind, { action }] of Object.entries(unreadRows)) {
    if (action(config) !== 'accept') reasons.add(kind as Unread)
  }
  if (!hasMailForm) reasons.delete('oddities')
  return reasons
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
  { name, isBanned = false }: Pick<Infected, 'name' | 'isBanned'>,
  config: JudgeConfig,
): FindingAction | undefined {
  if (isBanned) return undefined
  const property = propertyOf(name)
  const { action = 'virus' } =
    config.settings.FINDINGS.find(({ finding }) =>
      typeof finding === 'string' ? finding === property : compileGlob(finding.pattern, '*')(name),
    ) ?? {}
  return action === 'virus' ? undefined : { property, action }
}

/** Returns whether FINDINGS keeps mail out for malware, and not only for a property. */
export function keepsMalwareOut({ property, action }: FindingAction): boolean {
  return property === undefined && keepsOut(action)
}

/**
 * Returns a test for findings that do not end a scan, because worse content may follow. These are findings
 * that exceptions of onescan.policy or FINDINGS accept, and properties for which FINDINGS has an action.
 * Malware that FINDINGS keeps out ends a scan like all malware: otherwise a later unknown result could let
 * the message in. Returns undefined if every finding ends a scan.
 */
function isToleratedBy(config: JudgeConfig): Tolerance['isTolerated'] {
  const { settings, allowedBy } = config
  const isNamed = settings.FINDINGS.some(({ action }) => action !== 'virus')
  if (allowedBy === undefined && !isNamed) return undefined
  return (found) => {
    if (allowedBy?.(found.name) !== undefined) return true
    const byFindings = actionForFinding(found, config)
    return byFindings !== undefined && !keepsMalwareOut(byFindings)
  }
}

/**
 * How strictly a message is treated for a result that does not end the scan, and for an unknown answer. Where
 * SCANFAIL lets mail with an unknown answer in, it does so as if that were tagged: what keeps mail out is stricter.
 */
function strictnessFor(config: JudgeConfig): (found: ScanResult) => number {
  const actionOf = (found: ScanResult): Action => {
    if (found.answer === 'unknown') return config.settings.SCANFAIL === 'accept' ? 'tag' : 'refuse'
    if (found.answer === 'unread' && found.kind === 'encrypted') return actionForEncrypted(config)
    if (found.answer !== 'infected') return 'accept'
    if (config.allowedBy?.(found.name) !== undefined) return 'tag'
    return actionForFinding(found, config)?.action ?? 'tag'
  }
  return (found) => ACTIONS.indexOf(actionOf(found))
}
