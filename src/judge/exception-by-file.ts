import type { Header } from '../message/header-block.ts'
import { sampleOf } from '../scan/sample.ts'
import type { ScanResult } from '../scan/shared/scan-result.ts'
import type { Scanner } from '../scan/shared/scanner.ts'
import type { Policy } from './policy.ts'
import type { Transaction } from './transaction.ts'

/**
 * The line of the exception by the SHA-256 of a file, if what was found in the message is in such
 * files alone; undefined otherwise. All is scanned once more without them, within `timeout`
 * milliseconds: this is done only for infected mail for which there is such a line.
 */
export async function exceptionByFile(
  { message, envelope, client, leaving }: Transaction & { readonly leaving: Header },
  { allowedBy, allowedFiles, scan, spool }: Policy,
  { scanners, uptime }: { readonly scanners: readonly Scanner[]; readonly uptime: () => number },
  result: ScanResult,
  timeout: number,
): Promise<number | undefined> {
  if (result.answer !== 'infected' || result.banned || allowedFiles === undefined) return undefined
  const lines = allowedFiles(result.name)
  if (lines.size === 0 || allowedBy?.(result.name) !== undefined) return undefined
  const { excusedBy } = await import('../scan/excuse.ts')
  const sample = sampleOf(message, leaving, envelope, client.origin)
  const strict = scan.secondLook.strict !== 'off' && !client.bounceInjector
  const digest = await excusedBy(sample, new Set(lines.keys()), result.name, {
    scanners,
    timeout: Math.max(1, timeout),
    oversize: 'defer',
    nesting: { max: scan.nesting.max, over: 'keep out' },
    secondLook: { when: 'never', strict, spool, traits: () => {} },
    uptime,
    note: () => {},
  })
  return digest === undefined ? undefined : lines.get(digest)
}
