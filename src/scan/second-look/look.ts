import { loadCrypto } from '../../ground/runtime/crypto.ts'
import { openAnonymousFile } from '../../message/anonymous-file.ts'
import { createNamedCopy } from '../../message/named-copy.ts'
import type { SpoolPolicy } from '../../message/spool-policy.ts'
import { TOP_LINE } from '../../message/top-line.ts'
import { type Content, contentsOf } from '../../mime/contents.ts'
import type { ByteRange } from '../../mime/walk.ts'
import type { Sample } from '../shared/scanner.ts'

export interface SecondLookOptions {
  readonly spool: SpoolPolicy
  /** At the message's deadline. */
  readonly signal: AbortSignal
}

/** What was found in the contents, or why not all of them were looked at. */
export type SecondLookResult<Found> =
  | { readonly kind: 'found'; readonly found: Found }
  | { readonly kind: 'nothing' }
  /** More than is looked at (contents.ts has the limits). */
  | { readonly kind: 'over'; readonly why: string }
  | { readonly kind: 'late' }

const NOTHING = Buffer.alloc(0)

/**
 * Gives the decoded contents of a message, one after another, to `judge`, until it finds
 * something. Each is a sample of its own for as long as it is judged.
 */
export async function lookAtContents<Found>(
  message: Sample,
  { spool, signal }: SecondLookOptions,
  judge: (content: Sample, place: ByteRange | undefined) => Promise<Found | undefined>,
): Promise<SecondLookResult<Found>> {
  const openFile = () => openAnonymousFile(spool.directory)
  const { createHash } = await loadCrypto()
  for (const step of contentsOf(message, { openFile, createHash })) {
    if (step.kind === 'over') return step
    if (step.kind === 'turn') await new Promise(setImmediate)
    if (signal.aborted) return { kind: 'late' }
    if (step.kind !== 'content') continue
    const found = await judgeContent(step.content, message, { spool }, judge)
    if (found !== undefined) return { kind: 'found', found }
  }
  return { kind: 'nothing' }
}

async function judgeContent<Found>(
  content: Content,
  whole: Sample,
  { spool }: Pick<SecondLookOptions, 'spool'>,
  judge: (content: Sample, place: ByteRange | undefined) => Promise<Found | undefined>,
): Promise<Found | undefined> {
  const chunks = content.isMail ? belowTopLine(content) : content.chunks
  const size = content.size + (content.isMail ? TOP_LINE.length : 0)
  const file = createNamedCopy(spool, () => chunks())
  const sample: Sample = {
    size,
    envelope: whole.envelope,
    origin: whole.origin,
    pathIsShared: whole.pathIsShared,
    whole,
    chunks,
    path: () => file.path(NOTHING),
  }
  try {
    const found = await judge(sample, content.range)
    file.confirmFile()
    return found
  } finally {
    file.removeNamedFile()
  }
}

/** As the message itself is given: libclamav takes a file for mail by its first field. */
function belowTopLine({ size, chunks }: Content): Sample['chunks'] {
  const top = TOP_LINE.length
  return function* (from = 0, to = top + size) {
    if (from < top) yield TOP_LINE.subarray(from, to)
    if (to > top) yield* chunks(Math.max(0, from - top), to - top)
  }
}
