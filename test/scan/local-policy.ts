import { clean, type PolicyScanner, type ScannerAnswer } from '../../src/scan/shared/scanner.ts'

/** Local policy that gives this answer about each message. */
export function localPolicy(name: string, answer: ScannerAnswer = clean): PolicyScanner {
  const ignore = () => {}
  const search = { header: ignore, name: ignore, content: ignore, over: ignore }
  return { name, local: true, search: async () => ({ ...search, answer: () => answer }) }
}
