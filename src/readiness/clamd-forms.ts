import { type Finding, ok } from '../lib/errors/finding.ts'
import { contentForms, type FormSet, multipartForms } from '../mail/mime/shared/forms.ts'
import { formsFoundBy } from '../scan/scanners/clamd/form-trials.ts'
import { tellsOfLimits } from '../scan/scanners/clamd/probe-limits.ts'
import type { ClamdServer } from '../scan/scanners/clamd/server.ts'

/**
 * Asks a server, in one conversation, what it extracts from mail. Undefined unless it reports what it does not scan
 * to the end, or if it does not answer.
 */
export async function extractedBy(
  clamd: ClamdServer,
  signal: AbortSignal,
): Promise<FormSet | undefined> {
  const { tells } = await tellsOfLimits(clamd, signal)
  return tells === 'yes' ? await formsFoundBy(clamd, signal) : undefined
}

/** Names the forms of parts that are left to a server's scan of the whole, and those that are not. */
export function describeForms(server: string, { contents, multiparts }: FormSet): Finding {
  const all: readonly string[] = [...contentForms, ...multipartForms.map(inWords)]
  const found = [...contents, ...multiparts.map(inWords)]
  const missing = all.filter((form) => !found.includes(form))
  const isNone = contents.length === 0 || multiparts.length === 0
  const value = isNone
    ? 'none is left to the scan of the whole: it did not find the test virus in mail'
    : `left to the scan of the whole: ${found.join(', ')}`
  const others =
    !isNone && missing.length > 0 ? `; scanned by themselves: ${missing.join(', ')}` : ''
  return ok(`clamd ${server} ordinary parts`, `${value}${others}`)
}

const inWords = (multiparts: string) => (multiparts === '' ? 'no multipart' : multiparts)
