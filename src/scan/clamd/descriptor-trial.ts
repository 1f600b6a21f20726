import { closeSync, ftruncateSync, writeSync } from 'node:fs'
import { withDeadline } from '../../ground/flow/deadline.ts'
import type { PassedDescriptors } from '../../ground/net/passed-descriptors.ts'
import { EICAR } from '../shared/eicar-file.ts'
import type { ClamdAddress } from './address.ts'
import { fildes } from './ask.ts'
import { makeClamdConnection } from './clamd-connection.ts'
import { readReply } from './clamd-reply.ts'

/**
 * Bytes of a file that a clamd is handed by descriptor, once it was seen to scan so much; what is
 * larger is sent as a stream. They are in memory until it has scanned them.
 */
export const DESCRIPTOR_MAX = 16 * 1024 * 1024
/** The same for a clamd that was not seen to do so: below any limit that a clamd has. */
export const SMALL_DESCRIPTOR_MAX = 1024 * 1024

/**
 * Milliseconds for its answer. A socket that is forwarded passes no descriptor, so a clamd behind it
 * would wait for ever.
 */
const TOLD_WITHIN = { small: 1_000, large: 10_000 } as const
/** Milliseconds after which it is asked again, while nobody waits: another may listen there, or one of other settings. */
const YES_FOR = 3_600_000
const NO_FOR = 60_000

export interface DescriptorTrial {
  /**
   * Whether a file of so many bytes may be handed over. The first who asks waits until that is
   * known of small files; it is false for others meanwhile, and while a large one is tried.
   */
  takes(size: number): Promise<boolean>
  /** Another server may listen there from now on. */
  forget(): void
  close(): void
}

type TrialSize = keyof typeof TOLD_WITHIN

interface TrialOutcome {
  readonly takes: boolean
  readonly at: number
}

/**
 * Finds out whether a server reads what it is handed (FILDES, clamd(8)), on connections of its own:
 * a small file, and before the first large one a file of DESCRIPTOR_MAX bytes with the test virus in
 * front. clamd must find that virus: it says OK of a file over its MaxFileSize without a scan, while a
 * stream over its StreamMaxLength is an error. `now` in milliseconds.
 */
export function createDescriptorTrial(
  address: ClamdAddress,
  passing: PassedDescriptors,
  now: () => number,
): DescriptorTrial {
  const known = new Map<TrialSize, TrialOutcome>()
  const over = new AbortController()

  async function ask(extent: TrialSize, before?: TrialOutcome): Promise<boolean> {
    const meanwhile = { takes: before?.takes ?? false, at: now() }
    known.set(extent, meanwhile)
    const told = await tryDescriptor(address, passing, extent, over.signal).catch(
      () => 'no' as const,
    )
    if (known.get(extent) !== meanwhile) return false // forgotten
    if (told === 'nobody') known.delete(extent)
    else known.set(extent, { takes: told === 'yes', at: now() })
    return told === 'yes'
  }

  return {
    async takes(size) {
      if (address.kind !== 'unix' || size > DESCRIPTOR_MAX) return false
      const small = known.get('small')
      if (small === undefined) return (await ask('small')) && size <= SMALL_DESCRIPTOR_MAX
      if (isOld(small)) void ask('small', small)
      if (!small.takes || size <= SMALL_DESCRIPTOR_MAX) return small.takes
      const large = known.get('large')
      if (large === undefined || isOld(large)) void ask('large', large)
      return large?.takes ?? false
    },
    forget: () => known.clear(),
    close: () => over.abort(),
  }

  function isOld({ takes, at }: TrialOutcome): boolean {
    return now() - at > (takes ? YES_FOR : NO_FOR)
  }
}

async function tryDescriptor(
  address: ClamdAddress,
  passing: PassedDescriptors,
  extent: TrialSize,
  signal: AbortSignal,
): Promise<'yes' | 'no' | 'nobody'> {
  const file = passing.memoryFile()
  if (file < 0) return 'nobody'
  const connection = await makeClamdConnection(address, passing)
  try {
    writeSync(file, extent === 'large' ? EICAR : 'onescan asks whether clamd takes descriptors\n')
    if (extent === 'large') ftruncateSync(file, DESCRIPTOR_MAX)
    const packets = [fildes(file)].values()
    const outcome = await withDeadline(TOLD_WITHIN[extent], signal, (sooner) =>
      connection.exchange(packets, sooner),
    )
    if (outcome.kind === 'unreachable' || signal.aborted) return 'nobody'
    if (outcome.kind !== 'answered') return 'no'
    const { says } = readReply(outcome.answer.bytes, 'descriptor')
    return says === (extent === 'large' ? 'infected' : 'clean') ? 'yes' : 'no'
  } finally {
    connection.end()
    closeSync(file)
  }
}
