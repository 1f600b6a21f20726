import { clean, type ScanFinding } from '../../../src/scan/scanners/shared/finding.ts'
import type { LocalScanner } from '../../../src/scan/scanners/shared/scanner.ts'

/** Local policy that gives this answer about each message. */
export function localPolicy(name: string, answer: ScanFinding = clean): LocalScanner {
  const ignore = () => {}
  const search = { header: ignore, name: ignore, content: ignore, over: ignore }
  return { name, local: true, search: async () => ({ ...search, answer: () => answer }) }
}
