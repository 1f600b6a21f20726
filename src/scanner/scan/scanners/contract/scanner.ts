import type { Bytes } from '../../../../mail/message/bytes.ts'
import type { Envelope, Origin } from '../../../../mail/message/envelope.ts'
import type { Header } from '../../../../mail/message/header-block.ts'
import type { PartNames } from '../../../../mail/mime/index.ts'
import type { NamedPart } from '../../../plugin.ts'
import { type ScanResult, type Tolerance, unknown } from '../findings/scan-result.ts'
import type { ScanPermits } from '../permits/scan-permits.ts'
import type { Cacheable } from '../signatures/cacheable.ts'

/** What a scanner judges: a message, the bytes as they were sent, or a content of a message. */
export type Sample = MessageSample | RawSample | ContentSample

/** An outgoing message, below one line that onescan adds (sampleOf), or what is left of it without its contents. */
export interface MessageSample extends SampleBytes {
  readonly kind: 'message'
  /** The message as it was sent, which scanners scanned before. */
  readonly raw?: Unfiled<RawSample>
  /** The message without that line, as it is read for contents, and its header. */
  readonly read?: { readonly bytes: Bytes; readonly header: Header }
  /** The names and types of each part that was read. Set if a scanner has `takesNames`, and the message was read. */
  readonly partList?: PartList
}

/** The bytes as a client submitted them: a limit that the scanner reports applies to them, too. */
export interface RawSample extends SampleBytes {
  readonly kind: 'raw'
}

/** A decoded content that some mail program may extract from a message. */
export interface ContentSample extends SampleBytes {
  readonly kind: 'content'
  /** The message in which it was found. */
  readonly message: Sample
  /** The names and types of the content where it first occurs. Set if a scanner has `takesNames`. */
  readonly partList?: PartList
}

/** A sample before a file is made of it. */
export type Unfiled<Kind extends Sample> = Omit<Kind, 'file'>

interface SampleBytes {
  readonly bytes: Bytes
  readonly envelope: Envelope
  readonly origin: Origin | undefined
  /**
   * Resolves to a regular file with exactly these bytes, for scanners that open it by its path. The first
   * call creates the file, which costs a copy. It exists until the scan has ended. Rejects with a Fault if it
   * cannot be created.
   */
  file(): Promise<SampleFile>
  /**
   * Returns the descriptor of an immutable file with these bytes; set if there is one. It stays open while
   * the scanner has the sample. Afterwards this throws, because the number may be another file's.
   */
  sealedFile?(): number
}

/**
 * The data of one part, or of all parts of a message, as mail programs show them; `isCut` if there is more.
 */
export interface PartList {
  readonly parts: readonly NamedPart[]
  readonly isCut: boolean
}

/** A file with the bytes of a sample. */
export interface SampleFile {
  /** Absolute. */
  readonly path: string
  /**
   * Throws a Fault of kind `read` if another user may have replaced the file, so that the scanner would have
   * opened another one.
   */
  confirm(): void
}

/** The data that a scanner receives in addition to the sample. */
export interface ScannerCall {
  /**
   * Aborted at the message's deadline (SCANTIMEOUT; see `isLate`), or when no client waits for the answer any
   * longer. The scanner then stops its work and frees its resources.
   */
  readonly signal: AbortSignal
  /** Returns the milliseconds until the deadline, by a monotonic clock, at least 1. */
  timeLeft(): number
  /** A scanner that can find several things names one that is not tolerated. */
  readonly tolerance: Tolerance
  /** Adds a remark to the log line of the message. */
  note(text: string): void
  /**
   * Called for each scanned sample, with the signatures that the scanner had before it began, or undefined if
   * it does not know them. Set if a caller needs them.
   */
  readonly signatures?: ((scanner: string, version: string | undefined) => void) | undefined
}

const TIMEOUT_ERROR = 'TimeoutError'

/** Aborts with the reason of `isLate`: the deadline. */
export function abortLate(controller: AbortController): void {
  controller.abort(new DOMException('SCANTIMEOUT has expired', TIMEOUT_ERROR))
}

/** Returns whether the signal was aborted at the deadline, and not because no client waits any longer. */
export function isLate({ aborted, reason }: AbortSignal): boolean {
  return aborted && reason instanceof Error && reason.name === TIMEOUT_ERROR
}

/** Returns the result of a scanner that has not answered before the signal was aborted. */
export function unansweredBy(signal: AbortSignal): ScanResult {
  return unknown(isLate(signal) ? 'no answer in time (SCANTIMEOUT)' : 'no client waits', 'timeout')
}

/** The state of a scanner for bans while a mail is read, and its answer afterwards. */
export interface Inspection {
  /**
   * Takes the names and types of a mail or a part, as some mail program reads its header, or of a file in
   * uuencode, a calendar or another container. Yields the completed units of work, each about one byte
   * inspected, and may be stopped at any of them: they count as work of the message.
   */
  part(part: PartNames): Iterable<number>
  /** Takes a content that some reader may get out of the mail. Yields units of work as part() does. */
  content(content: Bytes): Iterable<number>
  /** The mail contains more than is read, for this reason. No other call follows. */
  leaveUnread(reason: string): void
  answer(): ScanResult
}

/** A scanner that scans each content and the whole message. */
export interface ContentScanner extends ScannerBasics {
  readonly hasBans: false
  /**
   * Answers within the task's deadline. If it throws, the answer is *unknown*, with the error's
   * text as the reason.
   */
  scan(sample: Sample, task: ScannerCall): Promise<ScanResult>
  /**
   * Scans several small samples of a message, in memory: the answer is about all of them. Set if that takes less time
   * than one after another.
   */
  scanTogether?(samples: readonly Sample[], task: ScannerCall): Promise<ScanResult>
  /**
   * Set if the scanner decodes mail itself. Returns whether it recognizes these bytes as mail, and finds as much in them as
   * below TOP_LINE.
   */
  treatsAsMail?(bytes: Bytes): boolean
}

/** The servers of clamd(8) that a scanner asks. */
export interface ScannerServers {
  /** Returns the number of messages at each server now, by the server's name in the settings. */
  underWay(): Readonly<Record<string, number>>
  /**
   * Forwards a command to the servers. Resolves to the reply of the first one that answers, or to undefined if
   * none does.
   */
  forward(command: ForwardedCommand): Promise<string | undefined>
  /** Returns the links that a server of this host follows below a folder that its client names. */
  followedLinks(): FollowedLinks
}

/** The symbolic links that are followed to their targets. */
export interface FollowedLinks {
  readonly followsFiles: boolean
  readonly followsFolders: boolean
}

/** The commands of clamd's clients that are forwarded. */
export type ForwardedCommand = 'RELOAD' | 'SELFCHECK' | 'VERSIONCOMMANDS'

/**
 * A scanner for bans of this host (attachments): it judges by what is read out of a message. It runs on
 * trusted mail, too, and is named in no stamp.
 */
export interface BanScanner extends ScannerBasics {
  readonly hasBans: true
  /** Begins to inspect a message. If it throws, the answer is *unknown*, as for `scan`. */
  inspect(task: ScannerCall): Promise<Inspection>
}

export type Scanner = ContentScanner | BanScanner

/** A scanner that limits how many messages it scans at once. */
export type LimitedScanner = Scanner & { readonly permits: ScanPermits }

export const isLimited = (scanner: Scanner): scanner is LimitedScanner =>
  scanner.permits !== undefined

/** A scanner whose verdict may be cached for copies. */
export type CacheableScanner = Scanner & { readonly cacheable: Cacheable }

interface ScannerBasics {
  /** The name in a stamp's `s=` and in the log: the plugin's name, or the basename of the command. */
  readonly name: string
  /**
   * Set if the verdict depends on the message alone, whatever its envelope, so that it may be cached for
   * copies. A verdict about bans is never cached.
   */
  readonly cacheable?: Cacheable
  /**
   * Set if the number of concurrently scanned messages is limited: each needs a permit, before it is read. Permits
   * of a scanner for bans are used only if no other scanner has any.
   */
  readonly permits?: ScanPermits
  /** Set if the scanner receives the data of a part that mail programs show (Sample.partList). */
  readonly takesNames?: true
  /**
   * Reads what the scanner needs in addition to messages, such as rules. Throws a Fault of kind `config` if
   * that cannot be used. A daemon calls it at its start, to detect faults early. Other callers need not.
   */
  prepare?(): Promise<void>
  /**
   * Closes the resources that the scanner keeps between messages, after the current messages are done. No new
   * messages follow. Only a daemon calls it.
   */
  close?(): void
  /** Set if the scanner asks servers. */
  readonly servers?: ScannerServers
}
