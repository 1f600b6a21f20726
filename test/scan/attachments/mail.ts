import { parseAttachmentRules } from '../../../src/scan/attachments/rules.ts'
import {
  type AttachmentFindings,
  AttachmentSearch,
  searchMessage,
} from '../../../src/scan/attachments/search.ts'
import { scanTask } from '../clamd/task.ts'

/** The rules of most sites. */
export const rules = parseAttachmentRules(
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

/** The findings in a message that comes in pieces, which end at `cuts`. */
export async function search(
  message: string | Buffer,
  cuts: readonly number[] = [],
): Promise<AttachmentFindings> {
  const bytes = Buffer.from(message as string, 'latin1')
  const ends = [...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]
  function* chunks(from = 0, to = bytes.length) {
    let at = from
    for (const end of ends) {
      if (end > at) yield bytes.subarray(at, Math.min(end, to))
      at = Math.max(at, end)
      if (at >= to) return
    }
  }
  const search = new AttachmentSearch(rules, () => false)
  await searchMessage({ size: bytes.length, chunks }, search, scanTask().task)
  return search
}

/** The banned name, `over: LIMIT`, or `clean`. */
export async function outcome(message: string | Buffer, cuts?: readonly number[]): Promise<string> {
  const { banned, limit } = await search(message, cuts)
  return banned ?? (limit ? `over: ${limit}` : 'clean')
}
