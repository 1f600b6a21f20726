import type { Bytes } from '../../message/bytes.ts'
import { chained, type Decoder } from '../decoders/decoder.ts'
import { type LineEndMode, lineEnds, unflowed, unstuffed } from '../decoders/text-transforms.ts'
import { NO_LINE_END, type TextProperties } from './text-properties.ts'

/** A content that programs save as a file. */
export interface FileContent {
  /** The content without its last line end, unless that was encoded. */
  readonly bare: Bytes
  /** The line end below it, which nmh and ripmime save, or nothing. */
  readonly end: Buffer
  /** The bytes without the line end that they end in, if KMime saves them so. */
  readonly shorter?: Bytes | undefined
  /** The line ends that some program writes as others. */
  readonly lines?: TextProperties | undefined
  /** Whether lines may flow (DelSp), and whether a blank in front of a line may have been added in transit. */
  readonly isFlowed: boolean
  readonly isStuffed: boolean
}

/** A file that some program saves. */
export interface SavedFile {
  readonly bytes: Bytes
  /** Makes the file of the bytes. Without it they are the file. */
  readonly make?: Decoder | undefined
  /** The line end that is added. */
  readonly end: Buffer
  /**
   * Whether it differs from another one in its line ends alone, so that it need not be opened again. (In a binary file a
   * CR may have been added.)
   */
  readonly differsInLineEndsAlone: boolean
}

const LF_END = Buffer.from('\n')
const CRLF_END = Buffer.from('\r\n')

/**
 * Yields the files that programs save of a content, each once. Mutt and Thunderbird join flowed lines (RFC 3676 4.1), and
 * mutt removes stuffed blanks (4.4), without other changes. Random messages show that other programs write line ends of
 * their own, with or without the last one.
 */
export function* savedFiles(content: FileContent): Generator<SavedFile> {
  const { bare, end, shorter, lines, isFlowed, isStuffed } = content
  const flows = [
    [],
    ...(isFlowed ? [[unflowed]] : []),
    ...(isStuffed ? [[unstuffed]] : []),
    ...(isFlowed && isStuffed ? [[unstuffed, unflowed]] : []),
  ]
  const plain = { bytes: bare, end: NO_LINE_END, differsInLineEndsAlone: false }
  for (const flow of flows) yield { ...plain, make: flow.length > 0 ? chained(flow) : undefined }
  const modes = modesFor(lines)
  for (const mode of modes) {
    const differsInLineEndsAlone =
      mode.to === 'crlf' || (lines?.isText === true && mode.bareCr === 'itself')
    yield { ...plain, make: lineEnds(mode), differsInLineEndsAlone }
  }
  for (const mode of [undefined, ...modes]) {
    const like = { ...plain, make: mode && lineEnds(mode), differsInLineEndsAlone: true }
    const ownEnd = { lf: LF_END, crlf: CRLF_END, same: end }[mode?.to ?? 'same']
    if (end.length > 0) yield { ...like, end: ownEnd }
    if (shorter && mode?.to !== 'crlf') yield { ...like, bytes: shorter }
  }
}

/** Returns the ways in which programs write the line ends of a content as others. */
function modesFor(lines: TextProperties | undefined): readonly LineEndMode[] {
  if (lines === undefined) return []
  const { lf, crlf, cr } = lines
  return [
    ...(crlf ? [{ to: 'lf', bareCr: 'itself' } as const] : []),
    ...(lf ? [{ to: 'crlf', bareCr: 'itself' } as const] : []),
    ...(cr ? [{ to: 'lf', bareCr: 'nothing' } as const] : []),
    ...(lf && cr ? [{ to: 'crlf', bareCr: 'nothing' } as const] : []),
  ]
}
