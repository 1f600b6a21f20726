import { type CheckLine, ok } from '../../../base/check/check-line.ts'
import { Bytes } from '../../../mail/message/bytes.ts'
import {
  contentForms,
  type FormSet,
  firstFields,
  multipartForms,
} from '../../../mail/mime/index.ts'
import type { ClamdServer } from '../../scan/scanners/clamd/clamd-server.ts'
import { formsFoundBy } from './form-probes.ts'
import { probeLimitReports } from './limit-probes.ts'

/**
 * Tests, in one conversation, what a server extracts from mail. Undefined unless it reports what it does not
 * scan to the end, or if it does not answer.
 */
export async function tryForms(
  clamd: ClamdServer,
  signal: AbortSignal,
): Promise<FormSet | undefined> {
  const { reports } = await probeLimitReports(clamd, signal)
  return reports === 'yes' ? await formsFoundBy(clamd, signal) : undefined
}

/** Free space in bytes that clamd needs: about sixty messages with remaining parts may be scanned at once. */
const FREE_SPACE = 8 * 1024 * 1024

/**
 * Submits a stream of FREE_SPACE zeros to a server, which it writes to its TemporaryDirectory. It skips parts of a
 * message that it cannot write, and reports nothing. Resolves to `late` if the server is too busy to answer in
 * time.
 */
export async function probeRoom(
  clamd: ClamdServer,
  signal: AbortSignal,
): Promise<'enough' | 'none' | 'late'> {
  const bytes = Bytes.of(Buffer.alloc(FREE_SPACE))
  const outcome = await clamd.scan([{ bytes }], { signal, note() {} })
  if (outcome.kind === 'answered') return outcome.reply.answer === 'clean' ? 'enough' : 'none'
  const isQueueFull = outcome.kind === 'unreachable' && outcome.state === 'full'
  return outcome.kind === 'timed-out' || isQueueFull ? 'late' : 'none'
}

/** Names what a server was shown to extract: forms of parts, and first fields of mail. Then names the others. */
export function describeForms(server: string, found: FormSet): CheckLine {
  const { contents, multiparts } = found
  const all = namesIn({ firstFields, contents: contentForms, multiparts: multipartForms })
  const left = namesIn(found)
  const missing = all.filter((form) => !left.includes(form))
  const isNone = contents.length === 0 || multiparts.length === 0
  const value = isNone
    ? 'every part is scanned separately: clamd did not find the test virus in whole messages'
    : `scanned with the whole message: ${left.join(', ')}`
  const others = !isNone && missing.length > 0 ? `; scanned separately: ${missing.join(', ')}` : ''
  return ok(`clamd ${server} ordinary parts`, `${value}${others}`)
}

function namesIn({ firstFields: first, contents, multiparts }: FormSet): string[] {
  const inWords = multiparts.map((form) => (form === '' ? 'no multipart' : form))
  return [...contents, ...inWords, ...first.map((name) => `below ${name}`)]
}
