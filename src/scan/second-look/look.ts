import { createHash } from 'node:crypto'
import { openAnonymousFile } from '../../message/anonymous-file.ts'
import { createNamedCopy } from '../../message/named-copy.ts'
import type { SpoolPolicy } from '../../message/spool-policy.ts'
import type { Specimen } from '../shared/scanner.ts'
import { type Content, contentsOf } from './contents.ts'

export interface LookOptions {
  readonly spool: SpoolPolicy
  /** At the message's deadline. */
  readonly signal: AbortSignal
}

/** What was found in the contents, or why not all of them were looked at. */
export type Look<Found> =
  | { readonly kind: 'found'; readonly found: Found }
  | { readonly kind: 'nothing' }
  /** More than is looked at (contents.ts has the limits). */
  | { readonly kind: 'over'; readonly why: string }
  | { readonly kind: 'late' }

const NOTHING = Buffer.alloc(0)

/**
 * Gives the decoded contents of a message, one after another, to `judge`, until it finds
 * something. Each is a specimen of its own for as long as it is judged.
 */
export async function lookAtContents<Found>(
  message: Specimen,
  { spool, signal }: LookOptions,
  judge: (content: Specimen) => Promise<Found | undefined>,
): Promise<Look<Found>> {
  const openFile = () => openAnonymousFile(spool.directory)
  for (const step of contentsOf(message, { openFile, createHash })) {
    if (step.kind === 'over') return step
    if (step.kind === 'turn') await new Promise(setImmediate)
    if (signal.aborted) return { kind: 'late' }
    if (step.kind !== 'content') continue
    const found = await asSpecimen(step.content, message, { spool }, judge)
    if (found !== undefined) return { kind: 'found', found }
  }
  return { kind: 'nothing' }
}

async function asSpecimen<Found>(
  content: Content,
  whole: Specimen,
  { spool }: Pick<LookOptions, 'spool'>,
  judge: (content: Specimen) => Promise<Found | undefined>,
): Promise<Found | undefined> {
  const file = createNamedCopy(spool, () => content.chunks())
  const specimen: Specimen = {
    size: content.size,
    envelope: whole.envelope,
    origin: whole.origin,
    pathIsShared: whole.pathIsShared,
    whole,
    chunks: () => content.chunks(),
    path: () => file.path(NOTHING),
  }
  try {
    const found = await judge(specimen)
    file.confirm()
    return found
  } finally {
    file.remove()
  }
}
