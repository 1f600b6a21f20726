import { sampleOf } from '../scan/sample.ts'
import type { ScanResult } from '../scan/shared/scan-result.ts'
import { isExcused } from './exceptions.ts'
import type { Policy } from './policy.ts'
import { type LeavingMail, scanSettings } from './scan-unvouched.ts'
import type { Tools } from './tools.ts'

/**
 * Returns the line of an exception by the SHA-256 of a file, if the virus that was found is in such
 * files alone, or undefined. The message is scanned once more without those files, within `timeout`
 * milliseconds, if it is infected and such a line may let it in.
 */
export async function exceptionByFile(
  { message, envelope, client, leaving }: LeavingMail,
  policy: Policy,
  tools: Pick<Tools, 'scanners' | 'uptime' | 'gone'>,
  result: ScanResult,
  timeout: number,
): Promise<number | undefined> {
  const { allowedFiles } = policy
  if (result.answer !== 'infected' || result.banned || allowedFiles === undefined) return undefined
  const lines = allowedFiles(result.name)
  if (lines.size === 0 || isExcused(result, policy)) return undefined
  const { excusedBy } = await import('../scan/excuse.ts')
  const { nesting, secondLook, ...settings } = scanSettings(client, policy, tools)
  const sample = sampleOf(message, leaving, envelope, client.origin)
  const digest = await excusedBy(sample, new Set(lines.keys()), result.name, {
    ...settings,
    scanners: tools.scanners,
    timeout: Math.max(1, timeout),
    oversize: 'defer',
    nesting: { ...nesting, action: 'keep out' },
    secondLook: { ...secondLook, when: 'never' },
    note: () => {},
  })
  return digest === undefined ? undefined : lines.get(digest)
}
