import { TOP_LINE } from '../../message/top-line.ts'
import { isNestedDeeper } from '../../mime/nested.ts'
import type { Sample, ScanTask } from '../shared/scanner.ts'
import type { Trait } from './trait-names.ts'
import { TraitNotes } from './traits.ts'

/** The facts about a message that are found before scanners are asked. */
export interface FirstLook {
  /** Whether more than `max` messages or multiparts are nested in one another (mime/nested.ts). */
  readonly isDeeper: boolean
  /** The limit of reading that was exceeded, so that `isDeeper` is not known; else undefined. */
  readonly over: string | undefined
  /** The traits of the message; empty if they were not wanted. */
  readonly traits: ReadonlySet<Trait>
}

export interface FirstLookOptions extends Pick<ScanTask, 'openFile' | 'signal'> {
  readonly max: number
  /** Traits need all of a message. Without them the message is read only as far as needed. */
  readonly wantsTraits: boolean
}

/**
 * Finds out, in one reading, what must be known of a message before scanners are asked. Gives way to
 * the event loop at times. Returns undefined if the signal came first. Throws a Fault if there is no
 * room for decoded bytes.
 */
export async function lookFirst(
  sample: Sample,
  { max, wantsTraits, openFile, signal }: FirstLookOptions,
): Promise<FirstLook | undefined> {
  const notes = wantsTraits ? new TraitNotes(TOP_LINE.length) : undefined
  const steps = isNestedDeeper(sample, max, { openFile, bytes: notes })
  let over: string | undefined
  let step = steps.next()
  for (; !step.done; step = steps.next()) {
    if (step.value.kind === 'over') over = step.value.why
    await new Promise(setImmediate)
    if (signal.aborted) {
      steps.return(false)
      return undefined
    }
  }
  return { isDeeper: step.value, over, traits: notes?.finish() ?? new Set() }
}
