import about from '../../../package.json' with { type: 'json' }
import { replaceUnprintable } from '../../ground/errors/replace-unprintable.ts'
import type { ScanPolicy } from '../../scan/shared/scan-policy.ts'
import type { Scanner } from '../../scan/shared/scanner.ts'

/**
 * Describes how a message is scanned, in one line of printable ASCII: the release of onescan, what each
 * scanner judges by, and the settings that leave parts unscanned or have them scanned twice. Only a
 * verdict of the same description counts.
 */
export function describeScan(
  { nesting, secondLook }: Pick<ScanPolicy, 'nesting' | 'secondLook'>,
  scanners: readonly Scanner[],
  release: string = about.version,
): string {
  const identities = scanners.map(({ memorable }) => memorable!.identity)
  const settings = `onescan=${release} nesting=${nesting.max} secondlook=${secondLook.when}`
  return replaceUnprintable(`${settings} scanners=${identities.join(',')}`)
}
