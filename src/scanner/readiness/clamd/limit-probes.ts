import { Bytes } from '../../../mail/message/bytes.ts'
import type { ClamdServer } from '../../scan/scanners/clamd/clamd-server.ts'
import { TOP_LINE } from '../../scan/scanners/contract/top-line.ts'
import { eicarPart, multipart } from '../test-mail/eicar-message.ts'

/** Whether clamd reports mail that it did not scan to the end. */
type LimitReport =
  | { readonly kind: 'yes' | 'no' }
  | { readonly kind: 'unknown'; readonly reason: string }

/** Multiparts in one another: more than MaxRecursion can be, which clamd limits to 100. */
const TOO_DEEP = 120

/**
 * Tests clamd with a message of about 8 KB that contains the test virus deeper than clamd scans. With
 * AlertExceedsMax it reports its limit. Without, it calls this mail OK, as it would every virus there.
 */
export async function probeLimitReports(
  server: ClamdServer,
  signal: AbortSignal,
): Promise<LimitReport> {
  const outcome = await askAtLevel(server, TOO_DEEP, signal)
  if (outcome.kind !== 'answered') return { kind: 'unknown', reason: outcome.reason }
  const { reply } = outcome
  switch (reply.answer) {
    case 'unread':
      if (reply.kind === 'size')
        return { kind: 'unknown', reason: 'it is more than StreamMaxLength' }
      return { kind: 'yes' }
    case 'infected': // it scans deeper than any known clamd
      return { kind: 'yes' }
    case 'clean':
      return { kind: 'no' }
    case 'unknown':
      return { kind: 'unknown', reason: reply.reason }
  }
}

/**
 * Tests how many multiparts inside one another clamd opens, up to `most`. That is MaxRecursion + 1 (measured
 * with 1.4.3). Resolves to undefined if it does not answer, or does not find the test virus in one multipart.
 */
export async function levelsOpened(
  server: ClamdServer,
  most: number,
  signal: AbortSignal,
): Promise<number | undefined> {
  let [opened, tried, closed] = [0, most, most + 1]
  while (opened + 1 < closed) {
    const outcome = await askAtLevel(server, tried, signal)
    if (outcome.kind !== 'answered' || outcome.reply.answer === 'unknown') return undefined
    if (outcome.reply.answer === 'infected') opened = tried
    else closed = tried
    tried = Math.floor((opened + closed) / 2)
  }
  return opened || undefined
}

const askAtLevel = (server: ClamdServer, level: number, signal: AbortSignal) =>
  server.scan([{ bytes: Bytes.of(nestedEicar(level)) }], { signal, note() {} })

const HEADER = 'Subject: onescan asks about the limits of clamd\nMIME-Version: 1.0\n'

/** A mail with the test virus in this many multiparts in one another. */
function nestedEicar(depth: number): Buffer {
  const levels = Array.from({ length: depth }, (_, level) => `part${level}`)
  const nested = levels.reduceRight(
    (inner, boundary) => multipart([inner], boundary),
    eicarPart('eicar.com'),
  )
  return Buffer.concat([TOP_LINE, Buffer.from(`${HEADER}${nested}`)])
}
