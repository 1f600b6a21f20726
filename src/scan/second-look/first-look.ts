import { TOP_LINE } from '../../message/top-line.ts'
import { isNestedDeeper } from '../../mime/nested.ts'
import type { Sample, ScanTask } from '../shared/scanner.ts'
import type { Trait } from './trait-names.ts'
import { TraitNotes } from './traits.ts'

export interface FirstLook {
  /** Whether more than `max` messages or multiparts stand inside one another (mime/nested.ts). */
  readonly isDeeper: boolean
  /** Why that cannot be told: more is in it than is read. */
  readonly over: string | undefined
  /** None where nobody wants to know. */
  readonly traits: ReadonlySet<Trait>
}

export interface FirstLookOptions extends Pick<ScanTask, 'openFile' | 'signal'> {
  readonly max: number
  /** Traits are in the whole of a message; without them it is read as far as it takes. */
  readonly wantsTraits: boolean
}

/**
 * What is asked of a message before scanners are, in one reading, and in turns of the event loop.
 * Undefined if the signal came first. Throws a Fault if there is no room for what is decoded.
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
