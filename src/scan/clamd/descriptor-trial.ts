import { closeSync, ftruncateSync, writeSync } from 'node:fs'
import { withDeadline } from '../../ground/flow/deadline.ts'
import type { PassedDescriptors } from '../../ground/net/passed-descriptors.ts'
import { EICAR } from '../shared/eicar-file.ts'
import type { ClamdAddress } from './address.ts'
import { fildes } from './ask.ts'
import { makeClamdConnection } from './clamd-connection.ts'
import { readReply } from './clamd-reply.ts'

/**
 * Most bytes of a file that clamd is handed by descriptor, after it has shown that it scans so much.
 * Larger files are streamed. A file is in memory until clamd has scanned it.
 */
export const DESCRIPTOR_MAX = 16 * 1024 * 1024
/** The same before clamd has shown that: less than any limit that a clamd has. */
export const SMALL_DESCRIPTOR_MAX = 1024 * 1024

/**
 * Milliseconds for clamd's answer. A forwarded socket drops the descriptor, and clamd behind it
 * waits for ever.
 */
const TOLD_WITHIN = { small: 1_000, large: 10_000 } as const
/**
 * Milliseconds for which a yes or a no holds. Then clamd is tried again, while nobody waits: it may
 * be another one, or have other settings.
 */
const YES_FOR = 3_600_000
const NO_FOR = 60_000

export interface DescriptorTrial {
  /**
   * Resolves to whether a file of so many bytes may be handed over. The first caller waits for the
   * trial of a small file. Other callers get false meanwhile, and while a large file is tried.
   */
  takes(size: number): Promise<boolean>
  /** Forgets what is known: another server may listen there from now on. */
  forget(): void
  close(): void
}

type TrialSize = keyof typeof TOLD_WITHIN

interface DescriptorAnswer {
  readonly takes: boolean
  readonly at: number
}

/**
 * Finds out whether a server scans files that it is handed (FILDES, clamd(8)). On connections of
 * their own it gets a small file and, before the first large message, a file of DESCRIPTOR_MAX bytes
 * that begins with the test virus. clamd must find that virus: it answers OK, without a scan, to a
 * file over its MaxFileSize. (To a stream over its StreamMaxLength it answers with an error.)
 * `uptime` is in milliseconds.
 */
export function createDescriptorTrial(
  address: ClamdAddress,
  passing: PassedDescriptors,
  uptime: () => number,
): DescriptorTrial {
  const known = new Map<TrialSize, DescriptorAnswer>()
  const over = new AbortController()

  async function ask(extent: TrialSize, before?: DescriptorAnswer): Promise<boolean> {
    const meanwhile = { takes: before?.takes ?? false, at: uptime() }
    known.set(extent, meanwhile)
    const told = await tryDescriptor(address, passing, extent, over.signal).catch(
      () => 'no' as const,
    )
    if (known.get(extent) !== meanwhile) return false // it was forgotten meanwhile
    if (told === 'nobody') known.delete(extent)
    else known.set(extent, { takes: told === 'yes', at: uptime() })
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

  function isOld({ takes, at }: DescriptorAnswer): boolean {
    return uptime() - at > (takes ? YES_FOR : NO_FOR)
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
