import about from '../../package.json' with { type: 'json' }
import { printable } from '../runtime/printable.ts'
import type { ScanPolicy } from '../scan/shared/scan-policy.ts'
import type { Scanner } from '../scan/shared/scanner.ts'

/**
 * How a message is looked at, in one line of printable ASCII: the release of onescan, what
 * each scanner judges by, and the settings by which something of a message is left unseen
 * or looked at twice. A verdict that was found by another look is that on another message.
 */
export function looksOf(
  { nesting, secondLook }: Pick<ScanPolicy, 'nesting' | 'secondLook'>,
  scanners: readonly Scanner[],
  release: string = about.version,
): string {
  const identities = scanners.map(({ memorable }) => memorable!.identity)
  const look = `onescan=${release} nesting=${nesting.max} secondlook=${secondLook.when}`
  return printable(`${look} scanners=${identities.join(',')}`)
}
