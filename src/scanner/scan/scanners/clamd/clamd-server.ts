import { closeSync } from 'node:fs'
import { isFault } from '../../../../base/errors/fault.ts'
import { BackOff } from '../../../../base/flow/back-off.ts'
import { ABORTED, unlessAborted } from '../../../../base/flow/timeout.ts'
import { readUptime } from '../../../../base/flow/uptime.ts'
import { type System, systemError } from '../../../../base/runtime/system.ts'
import { Bytes } from '../../../../mail/message/bytes.ts'
import { writeInTurns } from '../../../../mail/message/spool.ts'
import { PACKET_DATA } from '../../../protocol/clamd/stream.ts'
import { isLate, type Sample, type ScannerCall } from '../contract/scanner.ts'
import { EICAR } from '../eicar/eicar.ts'
import type { ScanResult } from '../findings/scan-result.ts'
import type { Canaries } from './canary.ts'
import type { ClamdAddress } from './clamd-address.ts'
import { DescriptorProbe } from './descriptor-probe.ts'
import { descriptorsOf, probed, streamsOf } from './scan-commands.ts'
import { type ClamdOutcome, timedOut } from './session.ts'
import { askClamd, ClamdSessions, IDLE_MAX } from './session-pool.ts'

/** Milliseconds for which a server that failed is asked last. */
const ASKED_LAST_FOR = { first: 2_000, longest: 60_000 }

/** Milliseconds for PONG. A clamd that was started again reads its signatures first, for longer. */
const PONG_TIMEOUT = 1_000

/** Milliseconds for the answer about the test virus. */
const CANARY_TIMEOUT = 10_000

/**
 * Upper limit, in bytes, for contents that are sent together as streams, although the server accepts
 * descriptors: each stream shows that clamd can write its temporary files. It takes no more processor time
 * than a memory file and a packet for each, and the byte after them (`probed`).
 */
export const STREAMED_MAX = 2 * PACKET_DATA

/** The data of a sample that clamd receives: its bytes. */
type ClamdContent = Pick<Sample, 'bytes' | 'sealedFile'>
type ClamdTask = Pick<ScannerCall, 'signal' | 'note'>

interface ClamdServerOptions {
  /** Whether its connections are kept from message to message. */
  readonly isLasting: boolean
  /** Passes descriptors to a server that accepts them. Without it all mail is streamed. */
  readonly passing?: System | undefined
  /** Which servers find the test virus. Without it, each server is assumed to scan. */
  readonly canaries?: Canaries | undefined
  /** Called once when it begins to fail, and once when it answers again. */
  readonly onChange?: (state: 'fails' | 'answers') => void
  /** Returns milliseconds of a monotonic clock. */
  readonly uptime?: () => number
}

/** One clamd: the connections to it, and its known state. */
export class ClamdServer {
  readonly address: ClamdAddress
  /**
   * Its last answer to VERSION (versions.ts), or undefined if it gave none. By now it may have newer
   * signatures, but no older ones.
   */
  version: string | undefined
  readonly #onChange: (state: 'fails' | 'answers') => void
  readonly #uptime: () => number
  readonly #backOff: BackOff<ClamdServer>
  /** Since when no message has reached it. */
  #missingSince: number | undefined
  /** The check of isMute(), which is made once for all messages that it had. */
  #isMute: Promise<boolean> | undefined
  readonly #canaries: Canaries | undefined
  /** The question about the test virus, which is asked once for all messages that wait for its answer. */
  #canary: Promise<ClamdOutcome<ScanResult>> | undefined
  readonly #passing: System | undefined
  readonly #descriptors: DescriptorProbe | undefined
  readonly #sessions: ClamdSessions
  #underWay = 0
  /** The scans in which it has answered. */
  readonly #known = new WeakSet<ClamdTask>()

  constructor(
    address: ClamdAddress,
    { isLasting, passing, canaries, onChange = () => {}, uptime = readUptime }: ClamdServerOptions,
  ) {
    this.address = address
    this.#onChange = onChange
    this.#uptime = uptime
    this.#backOff = new BackOff(uptime, ASKED_LAST_FOR)
    this.#canaries = canaries
    this.#passing = passing
    this.#descriptors = passing && new DescriptorProbe(address, passing)
    this.#sessions = new ClamdSessions(address, {
      idleMax: isLasting ? IDLE_MAX : 0,
      passing,
      onBreak: () => {
        this.#descriptors?.forget()
        this.#canaries?.forget(address.text)
      },
    })
  }

  /**
   * Scans contents, all at once. The answer is about all of them. A clean answer is used only if the server has
   * found the test virus lately. If it has not, or answers with an error, it is tested now: a server that does not find it
   * does not scan.
   */
  async scan(
    contents: readonly ClamdContent[],
    task: ClamdTask,
  ): Promise<ClamdOutcome<ScanResult>> {
    this.#underWay++
    try {
      const asked = await this.#ask(contents, task)
      const outcome = await this.#confirmed(asked, task)
      this.#note(outcome, task)
      return outcome
    } finally {
      this.#underWay--
    }
  }

  /** The number of conversations with it now. */
  get underWay(): number {
    return this.#underWay
  }

  /** Returns whether it has answered about a sample in this scan of a message. */
  hasAnswered(task: ClamdTask): boolean {
    return this.#known.has(task)
  }

  /** Whether it failed recently, so that mail does not wait for it again and again. */
  get isBackedOff(): boolean {
    return this.#backOff.isBackedOff(this)
  }

  /** The milliseconds for which no message has reached it. */
  get missingFor(): number {
    return this.#uptime() - (this.#missingSince ?? this.#uptime())
  }

  /**
   * Resolves to whether no process takes connections at the server's socket now, as immediately after its death. They
   * may wait there until it is started again.
   */
  isMute(): Promise<boolean> {
    this.#isMute ??= askClamd(this.address, 'PING', AbortSignal.timeout(PONG_TIMEOUT))
      .then(({ kind }) => kind === 'unreachable' || kind === 'timed-out')
      .finally(() => {
        this.#isMute = undefined
      })
    return this.#isMute
  }

  /** Notes that it did not answer in time, or broke off. */
  failed(): void {
    this.#missingSince = undefined
    this.#noteFailure()
  }

  /** Ends idle connections at once, and the others when their conversations are over. */
  close(): void {
    this.#descriptors?.close()
    this.#sessions.close()
  }

  /**
   * Sends small contents as streams, and large ones by descriptor if the server accepts that. A content that
   * is too long for a stream waits until that is known.
   */
  async #ask(
    contents: readonly ClamdContent[],
    task: ClamdTask,
  ): Promise<ClamdOutcome<ScanResult>> {
    const sizes = contents.map(({ bytes }) => bytes.size)
    const largest = Math.max(...sizes)
    const isSmall = sizes.reduce((sum, size) => sum + size, 0) <= STREAMED_MAX
    if (!isSmall && (await this.#descriptors?.takes(largest))) {
      const outcome = await this.#handOver(contents, task)
      if (outcome !== undefined) return outcome
    }
    const streams = streamsOf(contents.map(({ bytes }) => bytes))
    const sent = await this.#sessions.ask(streams, task.signal)
    if (this.#descriptors === undefined || !exceedsStreamMaxLength(sent)) return sent
    const takes = await unlessAborted(this.#descriptors.takesAfterProbes(largest), task.signal)
    return (takes === true && (await this.#handOver(contents, task))) || sent
  }

  /** Resolves to the outcome, or to why it is not used. */
  async #confirmed(
    outcome: ClamdOutcome<ScanResult>,
    { signal }: ClamdTask,
  ): Promise<ClamdOutcome<ScanResult>> {
    if (this.#canaries === undefined || outcome.kind !== 'answered') return outcome
    const { answer } = outcome.reply
    if (answer === 'infected' || answer === 'unread') return outcome
    if (answer === 'clean' && this.#canaries.countsAsScanner(this.address.text)) return outcome
    this.#canary ??= this.#askCanary().finally(() => {
      this.#canary = undefined
    })
    const found = await unlessAborted(this.#canary, signal)
    if (found === ABORTED) return timedOut
    if (found.kind === 'answered') {
      return found.reply.answer === 'infected' ? outcome : NOT_SCANNING
    }
    // The message itself was answered, so it has not broken the server.
    return { kind: 'unreachable', reason: found.reason, state: 'away' }
  }

  async #askCanary(): Promise<ClamdOutcome<ScanResult>> {
    const commands = streamsOf([Bytes.of(Buffer.from(EICAR))])
    const outcome = await this.#sessions.ask(commands, AbortSignal.timeout(CANARY_TIMEOUT))
    const isFound = outcome.kind === 'answered' && outcome.reply.answer === 'infected'
    this.#canaries?.record({ kind: 'canary', server: this.address.text, isFound })
    return outcome
  }

  #note(outcome: ClamdOutcome<ScanResult>, task: ClamdTask): void {
    switch (outcome.kind) {
      case 'answered':
        if (outcome.reply.answer !== 'unknown') this.#known.add(task)
        if (this.#backOff.noteAnswer(this)) this.#onChange('answers')
        this.#missingSince = undefined
        return
      case 'unreachable':
        if (outcome.state === 'full') return // the server is running, so this is not a failure
        this.#missingSince ??= this.#uptime()
        this.#noteFailure()
        return
      case 'timed-out':
        // If the client has gone, no client waits for the answer, and the server is not to blame.
        if (isLate(task.signal)) this.failed()
        return
      case 'broken':
      case 'not scanning':
        this.failed()
    }
  }

  #noteFailure(): void {
    if (!this.#backOff.hasFailed(this)) this.#onChange('fails')
    this.#backOff.noteFailure(this)
  }

  /**
   * Passes the contents by descriptor. Resolves to undefined if that is not possible, or if the server could not
   * use one of them: then their bytes must be sent.
   */
  async #handOver(
    contents: readonly ClamdContent[],
    task: ClamdTask,
  ): Promise<ClamdOutcome<ScanResult> | undefined> {
    const passing = this.#passing!
    const note = (text: string) => task.note(`clamd ${this.address.text}: ${text}`)
    const copies: number[] = []
    const copyOf = async (content: ClamdContent) => {
      const file = await memoryFileOf(content, passing)
      copies.push(file)
      return () => file
    }
    try {
      const descriptors: (() => number)[] = []
      for (const content of contents) {
        descriptors.push(content.sealedFile ?? (await copyOf(content)))
      }
      const outcome = await this.#sessions.ask(probed(descriptorsOf(descriptors)), task.signal)
      if (outcome.kind !== 'answered') return outcome
      const { reply } = outcome
      if (reply.answer !== 'no access') return { kind: 'answered', reply }
      note(`refused the open file, and got its bytes: ${reply.reason}`)
    } catch (error) {
      if (!(error instanceof NoMemoryFile)) throw error
      note(`got the bytes instead of an open file: ${error.message}`)
    } finally {
      for (const file of copies) closeSync(file)
    }
    return undefined
  }
}

const NOT_SCANNING = {
  kind: 'not scanning',
  reason:
    'does not find the EICAR test virus, so its results are not used; load its signatures, or run "onescan enable" there',
} as const

/** StreamMaxLength of clamd.conf is about streams alone. */
function exceedsStreamMaxLength(outcome: ClamdOutcome<ScanResult>): boolean {
  if (outcome.kind !== 'answered') return false
  const { reply } = outcome
  return reply.answer === 'unread' && reply.kind === 'size'
}

/** The error if no memory file can be made, because no descriptor or no memory is left. */
class NoMemoryFile extends Error {}

/**
 * Copies a sample into a memory file. Resolves to its descriptor, which the caller closes. Rejects
 * with NoMemoryFile, or with the error of reading the sample.
 */
async function memoryFileOf(sample: ClamdContent, passing: System): Promise<number> {
  const file = passing.memoryFile()
  if (file < 0) throw new NoMemoryFile(`no memory file: ${systemError(file).message}`)
  try {
    // This leaves the file offset at 0: clamd shares it, and reads from there.
    await writeInTurns(file, sample.bytes.chunks(), 'memory')
    return file
  } catch (error) {
    closeSync(file)
    const isFull = isFault(error) && (error.kind === 'write' || error.kind === 'temp-file')
    throw isFull ? new NoMemoryFile(error.message) : error
  }
}
