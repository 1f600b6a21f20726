import { Bytes } from '../../../mail/message/bytes.ts'
import { TOP_LINE } from '../../../mail/message/message.ts'
import { EICAR } from '../eicar/eicar.ts'
import type { ClamdServer } from './server.ts'

/** Whether clamd reports mail that it did not scan to the end. */
type TellsOfLimits =
  | { readonly tells: 'yes' | 'no' }
  | { readonly tells: 'unknown'; readonly why: string }

/** Levels of the test mail: more than MaxRecursion can be, which clamd limits to 100. */
const LEVELS = 120

/**
 * Asks clamd by a mail of some 8 KB that has the test virus deeper than clamd scans. With
 * AlertExceedsMax it reports its limit. Without, it calls this mail OK, as it would every virus there.
 */
export async function tellsOfLimits(
  server: ClamdServer,
  signal: AbortSignal,
): Promise<TellsOfLimits> {
  const outcome = await server.scan({ bytes: Bytes.of(nestedEicar()) }, { signal, note() {} })
  if (outcome.kind !== 'answered') return { tells: 'unknown', why: outcome.why }
  const { reply } = outcome
  switch (reply.answer) {
    case 'unseen':
      if (reply.what === 'size') return { tells: 'unknown', why: 'it is more than StreamMaxLength' }
      return { tells: 'yes' }
    case 'infected': // it scans deeper than any known clamd
      return { tells: 'yes' }
    case 'clean':
      return { tells: 'no' }
    case 'unknown':
      return { tells: 'unknown', why: reply.why }
  }
}

function nestedEicar(): Buffer {
  const opening = (level: number) =>
    `Content-Type: multipart/mixed; boundary=part${level}\n\n--part${level}\n`
  const levels = Array.from({ length: LEVELS }, (_, level) => level)
  return Buffer.concat([
    TOP_LINE,
    Buffer.from(
      `Subject: onescan asks whether clamd tells of its limits
MIME-Version: 1.0
${levels.map(opening).join('')}Content-Type: application/octet-stream; name=eicar.com
Content-Transfer-Encoding: base64

${Buffer.from(EICAR).toString('base64').replace(/.{76}/g, '$&\n')}
${levels
  .map((level) => `--part${level}--\n`)
  .reverse()
  .join('')}`,
    ),
  ])
}
