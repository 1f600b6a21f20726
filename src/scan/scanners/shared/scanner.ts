import type { Bytes } from '../../../mail/message/bytes.ts'
import type { Envelope, Origin } from '../../../mail/message/envelope/envelope.ts'
import type { Field } from '../../../mail/mime/headers/fields.ts'
import type { FormSet } from '../../../mail/mime/shared/forms.ts'
import type { KnownHeader } from '../../../mail/mime/shared/work.ts'
import type { NamedPart } from '../../../plugin.ts'
import type { Infected, ScanResult } from './scan-result.ts'
import type { ScanTurns } from './scan-turns.ts'
import type { SignatureFiles } from './signatures.ts'

/**
 * The bytes that a scanner judges: a message as it will leave, below one line of ours (sampleOf), or,
 * in a second look, a decoded content that some reader of mail may get out of a message.
 */
export interface Sample {
  readonly bytes: Bytes
  readonly envelope: Envelope
  readonly origin: Origin | undefined
  /**
   * Resolves to a regular file that holds exactly these bytes, for scanners that open it by its path. The
   * first call makes the file, which costs a copy; it is there until the scan is over. Rejects with a Fault
   * if it cannot be made.
   */
  file(): Promise<SampleFile>
  /**
   * Returns the descriptor of a file with these bytes that can no longer be changed; set if there is
   * one. It stays open while the scanner has the sample. Afterwards this throws, because the number may
   * be another file's.
   */
  sealedFile?(): number
  /**
   * Set for the bytes as a client has sent them, which asks about them alone: a limit that the scanner names
   * is found in them, too.
   */
  readonly isAsSent?: true
  /** The same message as it was sent, about which scanners were asked before; set for a message. */
  readonly asSent?: Omit<Sample, 'file'>
  /** The header, as it stands in the bytes; set for a message. */
  readonly header?: KnownHeader
  /** The message in which the content was found; set for a content. */
  readonly message?: Sample
  /**
   * Small contents of the same message, in memory: the answer is about them, too. Only scanners with
   * `takesBatch` get them.
   */
  readonly batch?: readonly Sample[]
  /**
   * What is said about a content where it stands first; about a message, each part that was read. Set if
   * a scanner has `takesNames`, and the message was read.
   */
  readonly partList?: PartList
}

/** What mail programs see of one part, or of all parts of a message; cut if there is more than is told. */
export interface PartList {
  readonly parts: readonly NamedPart[]
  readonly isCut: boolean
}

/** A file with the bytes of a sample. */
export interface SampleFile {
  /** Absolute. */
  readonly path: string
  /**
   * Throws a Fault of kind `read` if another user may have put another file in its place, which the scanner
   * would have opened.
   */
  confirm(): void
}

/** Whether a scan goes on after this was found, since something worse may lie beside it. */
export type IsPassedOver = (found: Pick<Infected, 'name' | 'banned'>) => boolean

/** What a scanner gets besides the sample. */
export interface ScanTask {
  /**
   * Aborted at the message's deadline (SCANTIMEOUT; `isLate` tells), or when no client waits for the answer
   * any more. The scanner stops its work then, and frees what it holds.
   */
  readonly signal: AbortSignal
  /** Milliseconds until the deadline, by a clock that nobody sets; 0 after it. */
  timeLeft(): number
  /** Set if anything is passed over. A scanner that can find several things names one that is not. */
  readonly isPassedOver?: IsPassedOver | undefined
  /** Adds a remark to the log line of the message. */
  note(text: string): void
  /**
   * Called for each sample that was scanned, with the signatures that the scanner had before it
   * began; undefined if it does not know them. Set if a caller wants to know.
   */
  readonly signatures?: ((scanner: string, version: string | undefined) => void) | undefined
}

const TIMEOUT_ERROR = 'TimeoutError'

/** Aborts for the reason that `isLate` knows: the deadline. */
export function abortLate(controller: AbortController): void {
  controller.abort(new DOMException('SCANTIMEOUT has expired', TIMEOUT_ERROR))
}

/** Whether the signal was aborted at the deadline, and not because nobody waits any more. */
export function isLate({ aborted, reason }: AbortSignal): boolean {
  return aborted && reason instanceof Error && reason.name === TIMEOUT_ERROR
}

/** What a verdict depends on besides the message; nothing of it differs from copy to copy. */
interface Memorable {
  /** The scanner's name and the settings that it judges by, in one line without blanks. */
  readonly identity: string
  /**
   * The version of the newest signatures that the scanner has; undefined if it does not know yet. Equal
   * texts mean equal signatures, on any host. `this host's`: the signatures in CLAMDBDIR, whose version
   * means nothing to other hosts. `not told`: they may change at any time. Of a server that does not answer
   * within `timeout` milliseconds it is not known.
   */
  readonly signatures:
    | "this host's"
    | 'not told'
    | ((timeout?: number) => Promise<string | undefined>)
  /**
   * The directories of this host from which the scanner loads signatures; undefined if it has one here
   * that is not known. Set if it has signatures that may change without another version of the newest ones.
   */
  readonly loadsFrom?: () => readonly string[] | undefined
  /**
   * Resolves to whether the scanner has loaded all of these signature files. `isSettled` states whether a
   * change of that time is long ago. A scanner without this function has loaded the files when all of
   * them are settled.
   */
  hasLoaded?(
    files: SignatureFiles,
    isSettled: (changed: number | undefined) => boolean,
  ): Promise<boolean>
}

/** What local policy gathers while a mail is read, and what it answers when that is over. */
export interface MailSearch {
  /**
   * Takes the fields of a header of the mail or of a part, as some reader sees it. Yields the units of work
   * that it has done, a unit being about one byte inspected, and may have to stop at any of them: they are
   * work of the message.
   */
  header(fields: readonly Field[]): Iterable<number>
  /** Takes the name of a file in uuencode, yEnc, BinHex, OpenPGP, a calendar or a card, likewise. */
  name(name: string): Iterable<number>
  /** Takes a content that some reader may get out of the mail, likewise. */
  content(content: Bytes): Iterable<number>
  /** The mail holds more than is read, for this reason. Nothing else comes. */
  over(why: string): void
  answer(): ScanResult
}

/** A scanner that is asked about each content and about the whole message. */
export interface ContentScanner extends ScannerBasics {
  readonly local: false
  /**
   * Answers within the task's deadline. If it throws, the answer is *unknown*, with the error's
   * text as the reason.
   */
  scan(sample: Sample, task: ScanTask): Promise<ScanResult>
  /**
   * Whether the scanner takes bytes that begin so for a mail by itself. Set if it then finds as much in them as
   * below TOP_LINE.
   */
  readsAsMail?(beginning: Buffer): boolean
  /**
   * The forms of parts that the scanner was shown to extract by itself from a mail of this many bytes
   * (mail/mime/shared/forms.ts). It is not asked about these parts unless the scan of the whole ends otherwise than
   * clean.
   */
  extracts?(size: number): FormSet | undefined
  /**
   * Has the servers carry out a command of clamd(8). Resolves to the reply of the first one that answers; to
   * undefined if none does.
   */
  passOn?(command: PassedOn): Promise<string | undefined>
}

/** The commands that a client of clamd may have passed on. */
export type PassedOn = 'RELOAD' | 'SELFCHECK' | 'VERSIONCOMMANDS'

/**
 * Local policy (attachments): it judges by what is read out of a message. It runs on trusted mail, too,
 * and is named in no stamp.
 */
export interface LocalScanner extends ScannerBasics {
  readonly local: true
  /** Begins to search a message. If it throws, the answer is *unknown*, as for `scan`. */
  search(task: ScanTask): Promise<MailSearch>
}

export type Scanner = ContentScanner | LocalScanner

interface ScannerBasics {
  /** The name in a stamp's `s=` and in the log: the plugin's name, or the basename of the command. */
  readonly name: string
  /**
   * Set if the verdict follows from the message alone, whatever its envelope, so that it may be
   * remembered for copies. A verdict of local policy never is.
   */
  readonly memorable?: Memorable
  /**
   * Set if a limited number of messages are scanned at a time: each has a turn, before it is read. Those of local
   * policy count only if nobody else has any.
   */
  readonly turns?: ScanTurns
  /** Set if several small contents at once take less time than one after another. */
  readonly takesBatch?: true
  /** Set if the scanner is told what mail programs see of a part (Sample.partList). */
  readonly takesNames?: true
  /**
   * Reads what the scanner needs besides messages, such as rules. Throws a Fault of kind `config` if that
   * cannot be used. A daemon calls it at its start, to know beforehand; nobody else has to.
   */
  prepare?(): Promise<void>
  /**
   * Closes what the scanner keeps between messages, once the messages that it is judging are done. No new
   * ones come. Only a daemon calls it.
   */
  close?(): void
  /**
   * The number of messages at each server now, by the server's name in the settings; set if it asks
   * servers.
   */
  underWay?(): Readonly<Record<string, number>>
}
