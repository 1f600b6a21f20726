import { loadCrypto } from '../../ground/runtime/crypto.ts'
import { openAnonymousFile } from '../../message/anonymous-file.ts'
import { createNamedCopy } from '../../message/named-copy.ts'
import type { SpoolPolicy } from '../../message/spool-policy.ts'
import { TOP_LINE } from '../../message/top-line.ts'
import { type Content, contentsOf } from '../../mime/contents.ts'
import type { ByteRange } from '../../mime/contents-state.ts'
import type { Sample } from '../shared/scanner.ts'

export interface SecondLookOptions {
  readonly spool: SpoolPolicy
  /** Aborted at the message's deadline. */
  readonly signal: AbortSignal
}

/** What was found in the contents, or why some contents were not inspected. */
export type SecondLookResult<Found> =
  | { readonly kind: 'found'; readonly found: Found }
  | { readonly kind: 'nothing' }
  /** The message exceeds a limit of mime/limits.ts, which `why` names. */
  | { readonly kind: 'over'; readonly why: string }
  /** The signal came first. */
  | { readonly kind: 'late' }

const NOTHING = Buffer.alloc(0)

/**
 * Hands the decoded contents of a message, one after another, to `judge`, until `judge` finds
 * something. Each content is a sample of its own while it is judged.
 */
export async function lookAtContents<Found>(
  message: Sample,
  { spool, signal }: SecondLookOptions,
  judge: (content: Sample, range: ByteRange | undefined) => Promise<Found | undefined>,
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
  judge: (content: Sample, range: ByteRange | undefined) => Promise<Found | undefined>,
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

/** Puts the top line above a mail, as for the message itself: libclamav knows mail by its first field. */
function belowTopLine({ size, chunks }: Content): Sample['chunks'] {
  const top = TOP_LINE.length
  return function* (from = 0, to = top + size) {
    if (from < top) yield TOP_LINE.subarray(from, to)
    if (to > top) yield* chunks(Math.max(0, from - top), to - top)
  }
}
