import { unboundFieldsInWords } from '../../src/scanner/scan/stamps/bound-fields.ts'
import { readMarkdown, withRows } from '../../test/documents/markdown-page.ts'

/** The page with the format of stamps to the byte. */
export const STAMP_FORMAT = 'doc/development/stamp-format.md'

/** The page with its table of fields as the code has it. */
export function stampFormatPage(): string {
  const rows = Object.entries(unboundFieldsInWords).map(([name, why]) => [`\`${name}\``, why])
  return withRows(readMarkdown(STAMP_FORMAT), '### Bound fields', rows)
}
