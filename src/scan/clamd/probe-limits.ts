import { TOP_LINE } from '../../message/top-line.ts'
import { EICAR } from '../shared/eicar-file.ts'
import type { ClamdAddress } from './address.ts'
import { scanStream } from './ask.ts'

/** Whether a clamd reports mail that it did not look at to the end. */
export type TellsOfLimits =
  | { readonly tells: 'yes' | 'no' }
  | { readonly tells: 'unknown'; readonly why: string }

/** More than any MaxRecursion can be: clamd takes no more than 100. */
const LEVELS = 120

/**
 * Asks by a mail of some 8 KB, with the test virus deeper than any clamd looks. With
 * AlertExceedsMax it says so; without it calls the mail OK, as it would any virus there.
 */
export async function tellsOfLimits(
  server: ClamdAddress,
  signal: AbortSignal,
): Promise<TellsOfLimits> {
  const outcome = await scanStream(server, [nestedEicar()], signal)
  if (outcome.kind !== 'answered') return { tells: 'unknown', why: outcome.why }
  const { answer } = outcome
  switch (answer.says) {
    case 'over':
    case 'infected': // it looks deeper than any that is known
      return { tells: 'yes' }
    case 'clean':
      return { tells: 'no' }
    case 'no-access':
    case 'trouble':
      return { tells: 'unknown', why: answer.text }
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
