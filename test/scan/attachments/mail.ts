import { parseRules } from '../../../src/scan/attachments/rules.ts'
import { type Findings, searchMessage } from '../../../src/scan/attachments/search.ts'

/** What most sites ban. */
export const rules = parseRules(
  ['name *.exe', 'name *.scr', 'type application/x-msdownload', 'content executable'].join('\n'),
  'rules',
)

/** A multipart/mixed of these parts, each with its header; every line ends in LF. */
export function mixed(boundary: string, ...parts: string[]): string {
  const lines = [`Content-Type: multipart/mixed; boundary="${boundary}"`, '', 'preamble']
  for (const part of parts) lines.push(`--${boundary}`, part)
  return [...lines, `--${boundary}--`, 'epilogue', ''].join('\n')
}

export const text = 'Content-Type: text/plain\n\nhello\n'

/** A part with this Content-Disposition. */
export function disposed(disposition: string, content = 'x'): string {
  return `Content-Type: application/octet-stream\nContent-Disposition: ${disposition}\n\n${content}\n`
}

/** What is found in a message that comes in pieces that end at `cuts`. */
export async function search(
  message: string | Buffer,
  cuts: readonly number[] = [],
): Promise<Findings> {
  const bytes = Buffer.from(message as string, 'latin1')
  const ends = [...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]
  async function* pieces() {
    let from = 0
    for (const end of ends) {
      yield bytes.subarray(from, end)
      from = end
    }
  }
  return searchMessage(pieces(), rules)
}

/** The banned name, `defect: why`, or `clean`. */
export async function outcome(message: string | Buffer, cuts?: readonly number[]): Promise<string> {
  const { banned, defect } = await search(message, cuts)
  return banned ?? (defect ? `defect: ${defect}` : 'clean')
}
