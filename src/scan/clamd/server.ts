import { closeSync } from 'node:fs'
import { errorText } from '../../ground/errors/fault.ts'
import type { PassedDescriptors } from '../../ground/net/passed-descriptors.ts'
import { writeWhole } from '../../ground/process/write-whole.ts'
import { TURN } from '../../message/write-all.ts'
import type { Sample, ScanTask } from '../shared/scanner.ts'
import type { ClamdAddress } from './address.ts'
import type { ClamdReply, Submission } from './clamd-reply.ts'
import { DescriptorTrial } from './descriptor-trial.ts'
import { descriptorsOf, readReplies, streamsOf } from './scan-commands.ts'
import type { ClamdCommands, ClamdOutcome } from './session.ts'
import { ClamdSessions, IDLE_MAX } from './sessions.ts'

export interface ClamdServerOptions {
  /** Whether its connections last from message to message. */
  readonly isLasting: boolean
  /** Passes descriptors to a server that takes them; without it all mail is streamed. */
  readonly passing?: PassedDescriptors | undefined
}

/** One clamd, and the connections to it. */
export class ClamdServer {
  readonly address: ClamdAddress
  readonly #passing: PassedDescriptors | undefined
  readonly #descriptors: DescriptorTrial | undefined
  readonly #sessions: ClamdSessions

  constructor(address: ClamdAddress, { isLasting, passing }: ClamdServerOptions) {
    this.address = address
    this.#passing = passing
    this.#descriptors = passing && new DescriptorTrial(address, passing)
    this.#sessions = new ClamdSessions(address, {
      idleMax: isLasting ? IDLE_MAX : 0,
      passing,
      broke: () => this.#descriptors?.forget(),
    })
  }

  /** Asks about a sample and those beside it, all at once. The answer is about all of them. */
  async scan(sample: Sample, task: ScanTask): Promise<ClamdOutcome<ClamdReply>> {
    const contents = [...(sample.beside ?? []), sample]
    const handedOver = await this.#handOver(contents, task)
    return handedOver ?? this.#ask(streamsOf(contents), 'stream', task)
  }

  /** Ends idle connections at once, and the others when their conversations are over. */
  close(): void {
    this.#descriptors?.close()
    this.#sessions.close()
  }

  /**
   * Hands the contents over by descriptor. Undefined if that is not possible, or if the server could
   * not use one of them: then they have to be sent.
   */
  async #handOver(
    contents: readonly Sample[],
    task: ScanTask,
  ): Promise<ClamdOutcome<ClamdReply> | undefined> {
    const passing = this.#passing
    const size = Math.max(...contents.map((content) => content.size))
    if (passing === undefined || !(await this.#descriptors?.takes(size))) return undefined
    const note = (text: string) => task.note(`clamd ${this.address.text}: ${text}`)
    const copies: number[] = []
    const copyOf = async (content: Sample) => {
      const file = await memoryFileOf(content, passing)
      copies.push(file)
      return () => file
    }
    try {
      const descriptors: (() => number)[] = []
      for (const content of contents) {
        descriptors.push(content.sealedFile ?? (await copyOf(content)))
      }
      const outcome = await this.#ask(descriptorsOf(descriptors), 'descriptor', task)
      if (outcome.kind !== 'answered' || outcome.answer.says !== 'no-access') return outcome
      note(`took no descriptor, got a copy: ${outcome.answer.text}`)
    } catch (error) {
      if (!(error instanceof NoMemoryFile)) throw error
      note(`got a copy: ${error.message}`)
    } finally {
      for (const file of copies) closeSync(file)
    }
    return undefined
  }

  async #ask(
    commands: ClamdCommands,
    about: Submission,
    { signal }: ScanTask,
  ): Promise<ClamdOutcome<ClamdReply>> {
    const outcome = await this.#sessions.ask(commands, signal)
    if (outcome.kind !== 'answered') return outcome
    return { kind: 'answered', answer: readReplies(outcome.answer, about) }
  }
}

/** The error if no memory file can be made, because no descriptor or no memory is left. */
class NoMemoryFile extends Error {}

/**
 * Copies a sample into a memory file. Resolves to its descriptor, which the caller closes. Rejects
 * with NoMemoryFile, or with the error of reading the sample.
 */
async function memoryFileOf(sample: Sample, passing: PassedDescriptors): Promise<number> {
  const file = passing.memoryFile()
  if (file < 0) throw new NoMemoryFile(`memfd_create: error ${-file}`)
  try {
    let at = 0
    let turn = 0
    for (const chunk of sample.chunks()) {
      if (turn >= TURN) {
        turn = 0
        await new Promise(setImmediate)
      }
      write(file, chunk, at)
      at += chunk.length
      turn += chunk.length
    }
    return file
  } catch (error) {
    closeSync(file)
    throw error
  }
}

/** Writes at `at`, and leaves the file's own offset at 0: clamd shares it, and reads from there. */
function write(file: number, bytes: Buffer, at: number): void {
  try {
    writeWhole(file, bytes, at)
  } catch (error) {
    throw new NoMemoryFile(errorText(error))
  }
}
