import { closeSync } from 'node:fs'
import { errorText } from '../../ground/errors/fault.ts'
import type { PassedDescriptors } from '../../ground/net/passed-descriptors.ts'
import type { Sample, ScanTask } from '../shared/scanner.ts'
import type { ClamdAddress } from './address.ts'
import { scanDescriptors, scanPath, scanStream, scanStreams } from './ask.ts'
import type { ClamdOutcome } from './clamd-outcome.ts'
import type { ClamdReply } from './clamd-reply.ts'
import { memoryFileOf, NoMemoryFile } from './memory-file.ts'
import type { Sessions } from './sessions.ts'

/**
 * Bytes from which on a local clamd is given the path of a message, if it can be expected to read
 * it. Making the file of a smaller message costs more than sending the bytes.
 */
export const BY_PATH_FROM = 512 * 1024

/** A server, and the conversations with it. */
export interface ClamdServer extends Sessions {
  readonly address: ClamdAddress
  /** Set if its sessions may take descriptors. */
  readonly passing?: PassedDescriptors | undefined
}

/**
 * Asks one server about a sample and those beside it: together if the server takes them so, else one
 * after another. The answer is about all of them.
 */
export async function askServer(
  server: ClamdServer,
  sample: Sample,
  task: ScanTask,
): Promise<ClamdOutcome<ClamdReply>> {
  const { beside = [] } = sample
  const all = [...beside, sample]
  const handedOver = await askByDescriptors(server, all, task)
  if (handedOver !== undefined) return handedOver
  if (beside.length === 0) return askAboutOne(server, sample, task)
  const together = await scanStreams(all, task.signal, server.converseMany)
  if (together?.kind === 'answered') return { kind: 'answered', answer: worstOf(together.answer) }
  if (together !== undefined) return together
  const replies: ClamdReply[] = []
  for (const sample of all) {
    const outcome = await askAboutOne(server, sample, task)
    if (outcome.kind !== 'answered' || outcome.answer.says === 'infected') return outcome
    replies.push(outcome.answer)
  }
  return { kind: 'answered', answer: worstOf(replies) }
}

/**
 * Hands the samples over by descriptor. Undefined if that is not possible, or if the server could
 * not use one of them: then they have to be sent.
 */
async function askByDescriptors(
  { address, passing, takesDescriptor, converseMany }: ClamdServer,
  samples: readonly Sample[],
  task: ScanTask,
): Promise<ClamdOutcome<ClamdReply> | undefined> {
  const size = Math.max(...samples.map((sample) => sample.size))
  if (passing === undefined || !(await takesDescriptor(size, task.signal))) return undefined
  const copies: number[] = []
  const copy = async (sample: Sample) => {
    const file = await memoryFileOf(sample, passing)
    copies.push(file)
    return () => file
  }
  try {
    const descriptors: (() => number)[] = []
    for (const sample of samples) descriptors.push(sample.sealedFile ?? (await copy(sample)))
    const outcome = await scanDescriptors(descriptors, task.signal, converseMany)
    if (outcome?.kind !== 'answered') return outcome
    const worst = worstOf(outcome.answer)
    const untaken = outcome.answer.find((reply) => reply.says === 'no-access')
    if (untaken === undefined || worst.says === 'infected') {
      return { kind: 'answered', answer: worst }
    }
    task.note(`clamd ${address.text}: took no descriptor, got a copy: ${untaken.text}`)
  } catch (error) {
    if (!(error instanceof NoMemoryFile)) throw error
    task.note(`clamd ${address.text}: got a copy: ${error.message}`)
  } finally {
    for (const file of copies) closeSync(file)
  }
  return undefined
}

/** Returns a virus before all else, and *clean* only if all replies are. */
function worstOf(replies: readonly ClamdReply[]): ClamdReply {
  const infected = replies.find(({ says }) => says === 'infected')
  return infected ?? replies.find(({ says }) => says !== 'clean') ?? { says: 'clean' }
}

/** Asks by path if that pays. If it does not, or the server cannot read the file, sends the bytes (INSTREAM). */
async function askAboutOne(
  { address, converse }: ClamdServer,
  sample: Sample,
  task: ScanTask,
): Promise<ClamdOutcome<ClamdReply>> {
  const doesPay = sample.pathIsShared && sample.size >= BY_PATH_FROM
  if (address.kind === 'unix' && doesPay) {
    const path = await pathOf(sample, task)
    const outcome =
      path === undefined ? undefined : await scanPath(address, path, task.signal, converse)
    if (outcome !== undefined) {
      if (outcome.kind !== 'answered' || outcome.answer.says !== 'no-access') return outcome
      task.note(`clamd ${address.text}: cannot read SPOOLDIR, got a copy: ${outcome.answer.text}`)
    }
  }
  const chunks = { [Symbol.iterator]: () => sample.chunks()[Symbol.iterator]() }
  return scanStream(address, chunks, task.signal, sample.size, converse)
}

/** The path of the sample; undefined if it has none and none can be made, for it can still be sent. */
async function pathOf(sample: Sample, task: ScanTask): Promise<string | undefined> {
  try {
    return await sample.path()
  } catch (error) {
    task.note(`clamd got a copy: ${errorText(error)}`)
    return undefined
  }
}
