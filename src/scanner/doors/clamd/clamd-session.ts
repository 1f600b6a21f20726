import { errorText, faultKindOf, isFault } from '../../../base/errors/fault.ts'
import { type MemoryLease, UnreadCharge } from '../../../base/flow/memory-budget.ts'
import { WireError } from '../../../base/protocol/connection/wire-error.ts'
import {
  CLAMD_COMMAND_MAX,
  type ClamdCommand,
  ClamdRequestReader,
  type Ending,
  StreamTooLong,
} from '../../protocol/clamd/requests.ts'
import { type ContentReply, clamdWords } from '../../protocol/clamd/write-reply.ts'
import { PeerTimeout, type Wire, type WireReader } from '../../serving/wire.ts'
import { type ClamdClient, Content, notScanned } from './clamd-content.ts'
import type { ClamdServices } from './clamd-services.ts'
import { closeWithPermit } from './file-permits.ts'
import { type Asker, pathInReply, scanDescriptor, scanPath } from './scan-paths.ts'

/** Requests of one session that are answered concurrently. The next one waits. */
const SESSION_CONCURRENCY_MAX = 8

/** A waiting client receives no keep-alive: it would mistake that for an answer. */
const NO_HEARTBEAT = { after: Number.POSITIVE_INFINITY, next: () => undefined }

/** Makes the reply to a request of its line. */
type ReplyMaker = (line: string) => Buffer

/**
 * A client's connection, with one request, or any number of them between IDSESSION and END. Requests in a
 * session are answered, with their numbers, in the order in which they finish.
 */
export class ClamdConversation {
  readonly #wire: Wire
  readonly #requests: ClamdRequests
  readonly #services: ClamdServices
  readonly #client: ClamdClient
  readonly #next = () => this.#requests.next()
  #hasCommand = false
  #count = 0
  #ending: Ending = '\n'
  /** The reply form of the last command, also used for errors that follow it. */
  #reply: ReplyMaker = replyTo('\n')
  /** The content that follows INSTREAM. */
  #content: Content | undefined
  /** The requests that are being answered, with the form of their replies. None of them rejects. */
  readonly #underWay = new Map<Promise<void>, ReplyMaker>()

  constructor(wire: Wire, requests: ClamdRequests, services: ClamdServices, client: ClamdClient) {
    this.#wire = wire
    this.#requests = requests
    this.#services = services
    this.#client = client
  }

  /**
   * Serves the client until the conversation ends. Never rejects. When it resolves, all resources are freed.
   */
  async run(): Promise<void> {
    try {
      while (await this.#takeNext()) await this.#untilUnderWay(SESSION_CONCURRENCY_MAX - 1)
      await this.#untilUnderWay(0)
    } catch (error) {
      const line = this.#lastLine(error)
      await Promise.all(this.#underWay.keys()) // the answers to those before it
      this.#wire.hangUp(line === undefined ? undefined : this.#replyToNext()(line))
    } finally {
      this.#wire.hangUp() // otherwise work in progress would continue
      this.#content?.close()
      await Promise.all(this.#underWay.keys())
    }
  }

  /** Takes the next request. Resolves to whether another one may follow. */
  async #takeNext(): Promise<boolean> {
    const wire = this.#wire
    const ready = wire.ready(this.#next)
    if ((ready === undefined || isNoCommand(ready)) && this.#refuseStrays()) return false
    const request =
      ready ??
      (await wire.read(this.#next, (time) => this.#lateness(time), !this.#requests.isAmidst))
    if (isNoCommand(request) && this.#refuseStrays()) return false
    switch (request?.kind) {
      case undefined:
        this.#content?.noteCutOff()
        return false
      case 'command':
        await this.#services.lookAtSwitch()
        return this.#obey(request)
      case 'piece':
        this.#content!.write(request.bytes)
        return true
      case 'end':
        this.#judgeStream()
        return this.#requests.isSession
      case 'descriptor':
        return this.#takeDescriptor()
    }
  }

  #obey({ name, path, ending, isOld, isOfMilter }: ClamdCommand): boolean {
    const { isSession } = this.#requests
    this.#hasCommand = true
    this.#ending = ending
    if (name === 'IDSESSION') return true
    if (name === 'END') return false
    this.#reply = replyTo(ending, isSession ? ++this.#count : undefined)
    switch (name) {
      case 'PING':
        this.#answer(async () => 'PONG')
        return isSession
      case 'VERSION':
        this.#answer(() => this.#services.version())
        return isSession
      case 'VERSIONCOMMANDS':
      case 'RELOAD':
      case 'SELFCHECK':
        this.#answer(() => this.#services.forward(name))
        return isSession
      case 'INSTREAM':
        this.#content = new Content(this.#services, this.#client, clamdWords.stream)
        return true
      case 'FILDES':
        return true
      case 'SCAN':
        return this.#scanPath(path, true)
      case 'CONTSCAN':
      case 'MULTISCAN':
      case 'ALLMATCHSCAN':
        return this.#scanPath(path, false)
      case 'STATS':
        this.#answer(async () => this.#services.stats())
        return isSession
      case 'DETSTATS':
      case 'DETSTATSCLEAR':
        return false
      case 'SHUTDOWN':
        this.#wire.send(this.#reply('COMMAND UNAVAILABLE'))
        return false
      case undefined:
        if (isOfMilter) this.#services.noteMilter(this.#client.remote)
        this.#wire.send(this.#reply(isSession ? notInSession(isOld) : UNKNOWN))
        return false
    }
  }

  /** Closes the descriptors that no FILDES has taken, and complains. Returns whether there were any. */
  #refuseStrays(): boolean {
    const { near } = this.#client
    const strays = near?.takeDescriptors() ?? []
    if (near === undefined || strays.length === 0) return false
    for (const descriptor of strays) void closeWithPermit(near.uid, descriptor)
    this.#wire.send(this.#replyToNext()(STRAY))
    return true
  }

  /** Judges what the descriptor of FILDES leads to. Returns whether another request may follow. */
  #takeDescriptor(): boolean {
    const { near } = this.#client
    const descriptors = near?.takeDescriptors() ?? []
    const [descriptor] = descriptors
    if (near === undefined || descriptor === undefined || descriptors.length > 1) {
      for (const other of descriptors) void closeWithPermit(near!.uid, other)
      this.#wire.send(this.#reply(`No file descriptor received.${clamdWords.failed}`))
      return false
    }
    const asker = this.#asker(near.uid)
    this.#answerAbout(() => scanDescriptor(descriptor, `fd[${descriptor}]`, asker))
    return this.#requests.isSession
  }

  /** Judges what a path leads to, for a client of this host alone. */
  #scanPath(path: string, isFirstOnly: boolean): boolean {
    const { near } = this.#client
    const reply = this.#reply
    const ending = this.#ending
    const send = (answer: ContentReply) => {
      const subject = pathInReply(answer.subject, ending)
      this.#wire.send(reply(this.#services.lineOf({ ...answer, subject })))
    }
    if (near === undefined) {
      const reason = 'Paths are read only for clients of a unix socket.'
      send({ subject: path, kind: 'failed', reason })
      return this.#requests.isSession
    }
    this.#underTake(() => scanPath(path, this.#asker(near.uid), isFirstOnly, send))
    return this.#requests.isSession
  }

  #asker(uid: number): Asker {
    return { services: this.#services, client: this.#client, uid, gone: this.#wire.gone }
  }

  #judgeStream(): void {
    const content = this.#content!
    this.#content = undefined
    this.#answerAbout(() => content.judge(this.#wire.gone).finally(() => content.close()))
  }

  #answerAbout(reply: () => Promise<ContentReply>): void {
    this.#answer(async () => this.#services.lineOf(await reply()))
  }

  /** Answers the last command with a line, as soon as that is known. */
  #answer(line: () => Promise<string>): void {
    const reply = this.#reply
    this.#underTake(async () => this.#wire.send(reply(await line())))
  }

  /** Answers the last command by this work, or reports that there is no answer. */
  #underTake(work: () => Promise<void>): void {
    const reply = this.#reply
    const answered = work()
      .catch((error) => this.#wire.send(reply(this.#errorLine(error))))
      .finally(() => this.#underWay.delete(answered))
    this.#underWay.set(answered, reply)
  }

  /**
   * Returns the answers to the current requests when the connection is closed. In a session without any, there is none: its
   * client would take it for the answer to its next request.
   */
  lastWords(reason: string): Buffer {
    const failed = {
      subject: clamdWords.stream,
      kind: 'failed',
      reason: `Not scanned: ${reason}`,
    } as const
    const { isSession, isBehindCommand } = this.#requests
    const open = isSession && !isBehindCommand ? [] : [this.#reply]
    const forms = new Set([...this.#underWay.values(), ...open])
    return Buffer.concat([...forms].map((reply) => reply(this.#services.lineOf(failed))))
  }

  /** Returns the reply form of the incomplete request. */
  #replyToNext(): ReplyMaker {
    const { isSession, isBehindCommand } = this.#requests
    return isSession && !isBehindCommand ? replyTo(this.#ending, this.#count + 1) : this.#reply
  }

  /** Waits until no more than `most` requests are under way. */
  async #untilUnderWay(most: number): Promise<void> {
    while (this.#underWay.size > most) {
      await this.#wire.during(Promise.race(this.#underWay.keys()), NO_HEARTBEAT)
    }
  }

  /** Returns why the client has timed out at this time, or undefined if it has not. */
  #lateness(time: number): string | undefined {
    const { firstCommand, silence } = this.#services.timeouts
    const isLate = this.#wire.silence(time) > (this.#hasCommand ? silence : firstCommand)
    return isLate && this.#underWay.size === 0 ? 'is silent for too long' : undefined
  }

  /** Returns the last line for a client whose conversation cannot continue, or undefined for none. */
  #lastLine(error: unknown): string | undefined {
    const { isSession, isAmidst } = this.#requests
    if (error instanceof PeerTimeout) {
      this.#content?.noteCutOff()
      return isSession && !isAmidst ? undefined : clamdWords.readTimedOut
    }
    if (error instanceof StreamTooLong) return this.#services.lineOf(this.#content!.refuseSize())
    if (error instanceof WireError) return `Command too long.${clamdWords.failed}`
    return this.#errorLine(error)
  }

  /** Logs an error. Returns the answer to the request that it has ended. */
  #errorLine(error: unknown): string {
    const isBug = error instanceof Error && !isFault(error)
    this.#services.complain(isBug ? error.stack! : errorText(error))
    const reason = notScanned(faultKindOf(error))
    return this.#services.lineOf({ subject: clamdWords.stream, kind: 'failed', reason })
  }
}

/** Whether the request is an unknown command, as is the byte that comes with an unexpected descriptor. */
const isNoCommand = (request: ReturnType<ClamdRequests['next']>): boolean =>
  request?.kind === 'command' && request.name === undefined

const UNKNOWN = 'UNKNOWN COMMAND'
/** In clamd's wording, like the others. */
const STRAY = `PROTOCOL ERROR: ancillary data sent without FILDES.${clamdWords.failed}`
const notInSession = (isOld: boolean) =>
  isOld
    ? `Only nCMDS\\n and zCMDS\\0 are accepted inside IDSESSION.${clamdWords.failed}`
    : `Command invalid inside IDSESSION.${clamdWords.failed}`

function replyTo(ending: Ending, number?: number): ReplyMaker {
  const before = number === undefined ? '' : `${number}: `
  return (line) => Buffer.from(`${before}${line}${ending}`, 'latin1')
}

/** The requests of a client, and the memory of those that wait. */
export class ClamdRequests extends ClamdRequestReader implements WireReader {
  readonly #unread: UnreadCharge

  constructor(streamMax: number, lease: MemoryLease) {
    super(streamMax)
    this.#unread = new UnreadCharge(lease)
  }

  /** Whether more bytes wait than belong to one command. */
  get isFull(): boolean {
    return this.pending > CLAMD_COMMAND_MAX
  }

  /** Throws a Fault if there is no memory for them. */
  override push(chunk: Buffer): void {
    super.push(chunk)
    this.#unread.set(this.pending)
  }

  override next() {
    const request = super.next()
    this.#unread.set(this.pending)
    return request
  }
}
