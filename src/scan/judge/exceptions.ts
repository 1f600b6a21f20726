import { compileGlob } from '../../ground/settings/glob.ts'
import type { Rule } from '../rules/rule.ts'
import type { Infected } from '../scanners/shared/finding.ts'
import type { IsExcused } from '../scanners/shared/scanner.ts'
import type { MailSettings, Policy } from './policy.ts'

/** Whether VIRUSTAGONLY lets a message in although this was found. It does not name what is banned. */
export function isOnlyTagged(
  { name, banned = false }: Pick<Infected, 'name' | 'banned'>,
  { VIRUSTAGONLY }: MailSettings,
): boolean {
  return !banned && VIRUSTAGONLY.some((pattern) => compileGlob(pattern, '*')(name))
}

/** What VIRUSTAGONLY and the exceptions of onescan.policy excuse; undefined if that is nothing. */
export function excusesOf({ settings, allowedBy }: Policy): IsExcused | undefined {
  if (settings.VIRUSTAGONLY.length === 0 && allowedBy === undefined) return undefined
  return (found) => isOnlyTagged(found, settings) || allowedBy?.(found.name) !== undefined
}

/** Whether an exception may let mail in which this was found: it names that, or any signature. */
export function mayExcept({ conditions: { signature } }: Rule, found: string): boolean {
  return signature === undefined || compileGlob(signature, '*')(found)
}

/** The policy with these exceptions. Of several for the same finding, the first line counts. */
export function withExceptions(policy: Policy, exceptions: readonly Rule[]): Policy {
  if (exceptions.length === 0) return policy
  return {
    ...policy,
    allowedBy: (found) => exceptions.find((exception) => mayExcept(exception, found))?.line,
  }
}
