import { compileGlob } from '../../lib/settings/glob.ts'
import type { FindingAction, Property } from '../../lib/settings/table/scanning.ts'
import type { IsPassedOver } from '../scanners/contract/scanner.ts'
import { actionFor, propertyOf } from '../scanners/findings/properties.ts'
import type { Infected, ScanResult } from '../scanners/findings/scan-result.ts'
import type { JudgeConfig, MailSettings } from './config.ts'

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
    if (found.answer === 'unseen' && found.what === 'encrypted') {
      const action = actionFor('encrypted', settings.FINDINGS)
      return action === 'virus' ? 'accept' : action
    }
    if (found.answer !== 'infected') return 'accept'
    if (allowedBy?.(found.name) !== undefined) return 'tag'
    return treatmentOf(found, settings)?.action ?? 'tag'
  }
  return (found) => STRICTNESS.indexOf(actionOf(found))
}
