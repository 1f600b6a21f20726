import type { SpoolPolicy } from '../../message/spool-policy.ts'
import { isStrange, type Trait } from '../second-look/trait-names.ts'
import type { IsExcused, Scanner, ScanTask } from '../shared/scanner.ts'
import type { Verdict } from '../shared/verdict.ts'

/** The scanners for one message, and the settings that they run by. */
export interface ScanRun {
  readonly scanners: readonly Scanner[]
  /** Milliseconds for all of them together. */
  readonly timeout: number
  /** What happens to a message over a scanner's own size limit. */
  readonly oversize: 'accept' | 'defer'
  readonly nesting: {
    /** Messages or multiparts inside one another, as in NestingPolicy. */
    readonly max: number
    /** What happens to a message over `max`, over a scanner's limit of depth, or with too many contents. */
    readonly over: 'accept' | 'keep out'
  }
  readonly secondLook: {
    /** SECONDLOOK: for which messages each content is scanned besides the whole. */
    readonly when: 'odd' | 'always' | 'never'
    /** STRICTMIME: whether traits that ordinary mail never has keep a message out. */
    readonly strict: boolean
    readonly spool: SpoolPolicy
    /** Called once with the traits of the message, before any scanner is asked, if they were looked for. */
    readonly traits: (found: ReadonlySet<Trait>) => void
  }
  /** Set if policy excuses anything that scanners find. */
  readonly isExcused?: IsExcused | undefined
  /** Milliseconds on a clock that never goes back. */
  readonly uptime: () => number
  readonly note: (text: string) => void
  readonly signatures?: ScanTask['signatures'] | undefined
}

/** The outcome of a part of the scan. */
export interface PartialResult {
  /** The result that ends the scan. */
  readonly result?: Verdict | undefined
  /** What was found and is excused, if the scan goes on all the same. */
  readonly excused?: Verdict | undefined
  /** What a limit left unscanned, if the scan goes on all the same. */
  readonly unscanned?: string | undefined
}

/** The outcome of two parts of a scan, of which the first did not end it. */
export function joined(first: PartialResult, then: PartialResult): PartialResult {
  return {
    result: then.result,
    excused: first.excused ?? then.excused,
    unscanned: first.unscanned ?? then.unscanned,
  }
}

/** The scanners that are asked about single contents: local ones judge only whole messages. */
export function contentScanners({ scanners }: ScanRun): readonly Scanner[] {
  return scanners.filter(({ local }) => !local)
}

/** The result if the deadline passes while the message is being read. */
export function tooLate({ scanners }: ScanRun): Verdict {
  const why = 'second look: no answer in time (SCANTIMEOUT)'
  return { answer: 'unknown', scanner: scanners[0]?.name ?? '', why, cause: 'timeout' }
}

/** The outcome if a message holds more than is read; `limit` says so to the sender. */
export function tooMuch(why: string, limit: string, { nesting }: ScanRun): PartialResult {
  if (nesting.over === 'accept') return { unscanned: why }
  return { result: { answer: 'crowded', why, limit } }
}

/** The result if STRICTMIME keeps a message with these traits out. */
export function keptOutFor(
  traits: ReadonlySet<Trait>,
  { secondLook }: ScanRun,
): Verdict | undefined {
  const strange = secondLook.strict ? [...traits].filter(isStrange) : []
  return strange.length > 0 ? { answer: 'strange', why: strange.join(', ') } : undefined
}
