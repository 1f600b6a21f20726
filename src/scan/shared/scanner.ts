import type { SignatureFiles } from '../../cluster/signature-files.ts'
import type { Envelope } from '../../message/envelope/envelope.ts'
import type { Origin } from '../../message/envelope/origin.ts'
import type { Cause } from './cause.ts'
import type { Limit } from './exceeded-limit.ts'

/**
 * What a scanner says about a message. There are three answers, and "could not
 * tell" is never taken for clean.
 */
export type Verdict =
  | { readonly answer: 'clean' }
  | {
      readonly answer: 'infected'
      /** The signature's name, or for `banned` what was banned ("attachment invoice.exe"). */
      readonly name: string
      /** Set if local policy refuses the message, not a signature: other exit code, other text. */
      readonly banned?: true
    }
  | {
      readonly answer: 'unknown'
      /** One line for the log. */
      readonly why: string
      /** What is counted. */
      readonly cause: Cause
      /** Set if a limit is the reason: OVERSIZE or OVERNESTING decides, not SCANFAIL. */
      readonly over?: Limit
      /** Set if it is a plugin's own answer: asked again, it would say the same. */
      readonly deliberate?: true
      /** Set if the scanner died of it, or took all the time that there was. */
      readonly harmful?: true
      /** Set where nobody waited for the answer any more: it says nothing of the message. */
      readonly unfinished?: true
    }

export const clean: Verdict = { answer: 'clean' }
export const infected = (name: string): Verdict => ({ answer: 'infected', name })
export const unknown = (why: string, cause: Cause = 'scanner-error'): Verdict => ({
  answer: 'unknown',
  why,
  cause,
})
export const over = (limit: Limit, why: string): Verdict => ({
  answer: 'unknown',
  why,
  cause: 'limit',
  over: limit,
})
export const harmed = (why: string, cause: Cause): Verdict => ({
  answer: 'unknown',
  why,
  cause,
  harmful: true,
})

/**
 * The message as scanners see it (sample.ts): as it will leave, below one line of ours. In a
 * second look it is what some reader of mail may get out of one, decoded.
 */
export interface Sample {
  /** Bytes of all chunks. */
  readonly size: number
  readonly envelope: Envelope
  readonly origin?: Origin | undefined
  /** The bytes in order, from an offset up to another. A chunk is valid until the next one is asked for. */
  chunks(from?: number, to?: number): Iterable<Buffer>
  /**
   * Absolute path of a regular file that holds exactly these bytes. Made at the
   * first call (that costs a copy), removed by the door when the message is done.
   * Rejects with a Fault if it cannot be made.
   */
  path(): Promise<string>
  /**
   * Set if these bytes lie in a file that nobody can change any more: its descriptor, which stays
   * open while the scanner has the sample. Throws once it has it no more: the number may be
   * another file's then.
   */
  sealedFile?(): number
  /** Whether scanners of other users can be expected to open `path()`: SPOOLDIR is set. */
  readonly pathIsShared: boolean
  /** Set for a content: the message that it was found in. */
  readonly whole?: Sample
  /**
   * Small contents of the same message, in memory, that the verdict is about as well; for a
   * scanner that `takesBeside`.
   */
  readonly beside?: readonly Sample[]
}

/** What a scanner gets beside the message. */
export interface ScanTask {
  /**
   * Aborted at the message's deadline (SCANTIMEOUT), `isLate` then, or when nobody waits for
   * the verdict any more: stop work, free what is held.
   */
  readonly signal: AbortSignal
  /** Milliseconds until the deadline, by a clock that nobody sets; 0 once it has passed. */
  timeLeft(): number
  /**
   * For scanners that read the mail by themselves (mime/contents.ts): a file without a name, for
   * reading and writing, for what memory has no room for.
   */
  readonly openFile: () => number
  /**
   * Set while there are messages that may kill who scans them, which are to be kept from other mail
   * if there is a way: whether this is one of them.
   */
  readonly suspects?: 'this' | 'others' | undefined
  /** A remark for the log line, for what is worth knowing but is no verdict. */
  note(text: string): void
  /**
   * Told for each thing that was looked at, where somebody wants to know: by what signatures,
   * as far as the scanner knew before it looked. undefined: it does not know.
   */
  readonly signatures?: (scanner: string, version: string | undefined) => void
}

const LATE = 'TimeoutError'

/** Aborts as it is done at the deadline. */
export function abortLate(controller: AbortController): void {
  controller.abort(new DOMException('SCANTIMEOUT is over', LATE))
}

/** Whether the signal was aborted at the deadline: not because nobody waits any more. */
export function isLate({ aborted, reason }: AbortSignal): boolean {
  return aborted && (reason as Error | undefined)?.name === LATE
}

/**
 * The same scanner, whose work ends when the client has gone, too. (Not by AbortSignal.any(),
 * which keeps accounts of all signals for as long as they live, and takes 10 µs for it.)
 */
export function abortable(gone: AbortSignal, scanner: Scanner): Scanner {
  return {
    ...scanner,
    async scan(sample, task) {
      const either = new AbortController()
      const signals = [gone, task.signal]
      const abort = () => either.abort(signals.find(({ aborted }) => aborted)?.reason)
      for (const signal of signals) signal.addEventListener('abort', abort)
      if (signals.some(({ aborted }) => aborted)) abort()
      try {
        const verdict = await scanner.scan(sample, { ...task, signal: either.signal })
        const isUnfinished = gone.aborted && verdict.answer === 'unknown'
        return isUnfinished ? { ...verdict, unfinished: true } : verdict
      } finally {
        for (const signal of signals) signal.removeEventListener('abort', abort)
      }
    },
  }
}

/** What a scanner goes by beside the message: nothing that differs from copy to copy. */
export interface Memorable {
  /** Its name and the settings that it judges by, one line without blanks. */
  readonly identity: string
  /**
   * The newest signatures that it has here; undefined if it does not know yet. Two texts
   * that are the same are the same signatures, on any host. `this host's`: those in CLAMDBDIR,
   * of which nobody else can tell. `not told`: they may change at any time.
   */
  readonly signatures: "this host's" | 'not told' | (() => Promise<string | undefined>)
  /**
   * Whether it looks by all of these signatures, which changed a while ago: `isSettled` says of a
   * moment when some changed whether that is long ago. Without it, it does when all are settled.
   */
  hasLoaded?(
    files: SignatureFiles,
    isSettled: (changed: number | undefined) => boolean,
  ): Promise<boolean>
}

export interface Scanner {
  /** As in a stamp's `s=` and in the log: plugin name or basename of the command. */
  readonly name: string
  /** Local policy (attachments): runs even on trusted mail and is never named in a stamp. */
  readonly local: boolean
  /**
   * Set if its verdict follows from the message alone, whoever sends it to whom, so that
   * it may be remembered for copies. Local policy never is.
   */
  readonly memorable?: Memorable
  /** Several small contents at once take it less time than one after another. */
  readonly takesBeside?: true
  /**
   * Reads what it needs beside messages, where there is such a thing, for all that it will
   * be asked. Throws a Fault of kind `config` if that cannot be used. Nobody has to call
   * it: a daemon does, to know beforehand.
   */
  prepare?(): Promise<void>
  /**
   * Answers within the task's deadline. May throw: whatever is thrown counts as
   * "could not tell" with its message as the reason.
   */
  scan(sample: Sample, task: ScanTask): Promise<Verdict>
  /**
   * It is not asked about new messages any more: what it keeps beside messages ends when
   * those that it is at are done. Only a daemon calls it.
   */
  close?(): void
  /** Messages that are at each server now, where it asks servers; by their names in the settings. */
  underWay?(): Readonly<Record<string, number>>
}
