import about from '../../package.json' with { type: 'json' }
import { replaceUnprintable } from '../ground/errors/replace-unprintable.ts'
import type { ScanPolicy } from '../scan/shared/scan-policy.ts'
import type { Scanner } from '../scan/shared/scanner.ts'

/**
 * How a message is looked at, in one line of printable ASCII: the release of onescan, what each
 * scanner judges by, and the settings that leave parts unseen or have them scanned twice. A verdict
 * that was found in another way is not about the same thing.
 */
export function describeScan(
  { nesting, secondLook }: Pick<ScanPolicy, 'nesting' | 'secondLook'>,
  scanners: readonly Scanner[],
  release: string = about.version,
): string {
  const identities = scanners.map(({ memorable }) => memorable!.identity)
  const look = `onescan=${release} nesting=${nesting.max} secondlook=${secondLook.when}`
  return replaceUnprintable(`${look} scanners=${identities.join(',')}`)
}
