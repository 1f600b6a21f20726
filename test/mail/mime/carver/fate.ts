import { createHash } from 'node:crypto'
import { tmpdir } from 'node:os'
import { Bytes } from '../../../../src/mail/message/bytes.ts'
import { openAnonymousFile } from '../../../../src/mail/message/spool.ts'
import { type ContentsOptions, contentsOf } from '../../../../src/mail/mime/contents.ts'
import { signs, signsIn } from '../../../scanner/scan/scanners/evasions/files.ts'

/** What becomes of a message that is read. */
export interface Fate {
  /**
   * `found`: a content has one of the files that the evasions hide, or is it. `whole`: the message has it as it stands.
   * `within`: a file that only a digest knows has other bytes around it. `missed`: none of these.
   */
  readonly file: 'found' | 'whole' | 'within' | 'missed'
  /** Why it was not read to its end, or ''. */
  readonly unread: string
  readonly contents: number
  /** What is odd about it, in the words of the log. */
  readonly odd: string
  /** Milliseconds of processor time. */
  readonly time: number
}

const has = signs.filter(({ kind }) => kind === 'has')
/** The files that a digest knows, but for those that may occur by chance. */
const known = signs.filter(({ kind, bytes }) => kind === 'is' && bytes.length > 20)
/** Upper limit for nested messages and multiparts, as in scans. */
const DEPTH_MAX = 14

/** Reads a message, or a file with `isFile`, and compares each content with the files that the evasions hide. */
export function fateOf(message: Buffer, more: Partial<ContentsOptions> = {}): Fate {
  let file: Fate['file'] = 'missed'
  let unread = ''
  let contents = 0
  const odd = new Set<string>()
  const before = process.cpuUsage()
  const steps = contentsOf(Bytes.of(message), {
    createHash,
    maxDepth: DEPTH_MAX,
    openFile: () => openAnonymousFile(tmpdir()),
    onOdd: (oddity) => void odd.add(oddity),
    ...more,
  })
  for (const step of steps) {
    if (step.kind === 'unread') unread = step.reason
    if (step.kind === 'deeper') unread = 'nested too deep'
    if (step.kind !== 'content') continue
    contents++
    const bytes = step.bytes.gather()
    if (file !== 'found' && signsIn(bytes).length > 0) file = 'found'
    if (file === 'missed' && known.some((sign) => bytes.includes(sign.bytes))) file = 'within'
  }
  const time = process.cpuUsage(before).user / 1000
  if (file === 'missed' && has.some((sign) => message.includes(sign.bytes))) file = 'whole'
  return { file, unread, contents, odd: [...odd].sort().join(), time }
}
