import type { Bytes } from '../../message/bytes.ts'
import { chained, type Decode } from '../decoders/decoder.ts'
import { type LineEndMode, lineEnds, unflowed, unstuffed } from '../decoders/text-transforms.ts'
import type { ChoiceOf, Way } from '../quirks/way.ts'
import { NO_LINE_END, type TextProperties } from './text-properties.ts'

/** A content that programs save as a file. */
export interface FileContent {
  /** The content without its last line end, unless that was encoded. */
  readonly bare: Bytes
  /** The line end below it, which some programs save, or nothing. */
  readonly end: Buffer
  /** The bytes without the line end that they end in, if some program saves them so. */
  readonly shorter?: Bytes | undefined
  /** The line ends that some program writes as others. */
  readonly lines?: TextProperties | undefined
  /** Whether lines may flow (DelSp), and whether a blank in front of a line may have been added in transit. */
  readonly isFlowed: boolean
  readonly isStuffed: boolean
}

/** How one program saves a content. */
export interface FileVariant {
  readonly bytes: Bytes
  /** Makes the file of the bytes. Without it they are the file. */
  readonly make: Decode | undefined
  /** The line end that is added. */
  readonly end: Buffer
  /**
   * Whether it differs from another variant in line ends alone, so that it need not be opened again. (In a binary file a
   * CR may have been added.)
   */
  readonly isLikeOther: boolean
}

const LF_END = Buffer.from('\n')
const CRLF_END = Buffer.from('\r\n')

/** The line ends of programs that write their own. */
const modes: Readonly<Partial<Record<ChoiceOf<'line ends'>, LineEndMode>>> = {
  'are LF': { to: 'lf', bareCr: 'itself' },
  'are CR LF': { to: 'crlf', bareCr: 'itself' },
  'are LF, and other CRs are removed': { to: 'lf', bareCr: 'nothing' },
  'are CR LF, and other CRs are removed': { to: 'crlf', bareCr: 'nothing' },
}

/**
 * Returns how a program saves a content in this way, step by step: format=flowed, line ends, last line end.
 * Returns undefined if one saves the same in another way.
 */
export function variantBy(way: Way, content: FileContent): FileVariant | undefined {
  const { bare, end, lines, shorter } = content
  const steps: Decode[] = []
  if (content.isStuffed && way.does('stuffed line') !== 'stays') steps.push(unstuffed)
  if (content.isFlowed && way.does('flowed line') !== 'stays') steps.push(unflowed)

  const hasLines = lines !== undefined && (lines.lf || lines.crlf || lines.cr)
  const mode = hasLines ? modes[way.does('line ends')] : undefined
  if (mode !== undefined) {
    const hasOthers = mode.to === 'lf' ? lines!.crlf || mode.bareCr === 'nothing' : lines!.lf
    if (!hasOthers || (mode.bareCr === 'nothing' && !lines!.cr)) return undefined
    steps.push(lineEnds(mode))
  }

  const isText = lines?.isText === true
  const isLikeOther = mode?.to === 'crlf' || (isText && mode?.bareCr === 'itself')
  const make = steps.length > 0 ? chained(steps) : undefined
  const plain = { bytes: bare, make, end: NO_LINE_END, isLikeOther }
  if (end.length === 0 && shorter === undefined) return plain
  switch (way.does('last line end')) {
    case 'is not saved':
      return plain
    case 'is saved': {
      const saved = { lf: LF_END, crlf: CRLF_END, same: end }[mode?.to ?? 'same']
      return end.length > 0 ? { ...plain, end: saved, isLikeOther: true } : undefined
    }
    case 'is not saved, nor is one above it': {
      const isKnown = shorter !== undefined && mode?.to !== 'crlf'
      return isKnown ? { ...plain, bytes: shorter, isLikeOther: true } : undefined
    }
  }
}
