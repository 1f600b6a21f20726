import { nextTurn } from '../../../../base/flow/event-loop.ts'
import { Bytes } from '../../../../mail/message/bytes.ts'
import { withNamedCopy } from '../../../../mail/message/named-copy.ts'
import { openAnonymousFile } from '../../../../mail/message/spool.ts'
import { archiveMembers } from '../../../../mail/mime/archives/archive-members.ts'
import { LimitExceeded, type Steps, textPropertiesOf, Work } from '../../../../mail/mime/index.ts'
import type { ContentSample, Sample, Unfiled } from '../contract/scanner.ts'
import type { ScanResult } from '../findings/scan-result.ts'
import type { Scan } from './scan-plan.ts'

/** Upper limit for the nested archives that are opened. */
const ARCHIVE_DEPTH_MAX = 4

/**
 * Upper limit for the unpacked bytes of a sample, a long text counted twice. Logs expand some twenty times.
 */
const BYTES_TIMES = 48
const BYTES_MORE = 64 * 1024 * 1024
const BYTES_MAX = 512 * 1024 * 1024

/** The bytes of a piece of a long text, and those that the next piece has in common with it. */
const PIECE_SIZE = 1024 * 1024
const PIECE_OVERLAP = 64 * 1024

/** The search in one sample. All archives in one another share the work. */
interface Search extends Pick<Scan, 'run'> {
  readonly scan: (sample: Sample) => Promise<ScanResult>
  /** Returns the result if it ends the scan. */
  readonly record: (result: ScanResult) => ScanResult | undefined
  readonly work: Work
}

/**
 * Examines a sample that a scanner did not read to its end, because its unpacked size exceeds the scanner's
 * limits. Each packed file is submitted separately, and a long text piece by piece. Resolves to the result that
 * ends the scan, to `all` if each of them was clean or tolerated, and to `unread` if the sample may contain more.
 */
export async function lookInside(
  sample: ContentSample,
  { run }: Pick<Scan, 'run'>,
  scan: Search['scan'],
  record: Search['record'],
): Promise<InsideResult> {
  const { size } = sample.bytes
  const bytes = Math.min(BYTES_TIMES * size + BYTES_MORE, BYTES_MAX)
  const budget = { bytes, work: 4 * bytes, contents: 0 }
  const openFile = () => openAnonymousFile(run.spool.directory)
  const work = new Work(sample.bytes, { openFile, budget })
  return scanMembers(sample, { run, scan, record, work }, 1)
}

type InsideResult = ScanResult | 'all' | 'unread'

async function scanMembers(
  archive: ContentSample,
  search: Search,
  depth: number,
): Promise<InsideResult> {
  let result: InsideResult = 'all'
  const isWhole = await inTurns(
    archiveMembers(archive.bytes, search.work),
    search,
    async (bytes) => {
      result = await scanMember(archive, bytes, search, depth)
      return result === 'all'
    },
  )
  return result === 'all' && !isWhole ? 'unread' : result
}

async function scanMember(
  archive: ContentSample,
  bytes: Bytes,
  search: Search,
  depth: number,
): Promise<InsideResult> {
  return withNamedCopy(bytes, search.run.spool, async (file) => {
    const member = { ...partOf(archive, bytes), file }
    const result = await search.scan(member)
    const isTooLarge =
      result.answer === 'unread' && (result.kind === 'unpacked' || result.kind === 'size')
    if (!isTooLarge) return search.record(result) ?? 'all'
    const inside =
      depth < ARCHIVE_DEPTH_MAX ? await scanMembers(member, search, depth + 1) : 'unread'
    return inside === 'unread' ? scanInPieces(member, search) : inside
  })
}

/** Scans a text piece by piece. The pieces overlap, so that no cut can hide anything. */
async function scanInPieces(text: ContentSample, search: Search): Promise<InsideResult> {
  const { bytes } = text
  if (bytes.size <= PIECE_SIZE || !(await inTurns(isPlainText(bytes, search.work), search)))
    return 'unread'
  for (let from = 0; from < bytes.size; from += PIECE_SIZE - PIECE_OVERLAP) {
    const piece = bytes.slice(from, Math.min(bytes.size, from + PIECE_SIZE))
    const result = await withNamedCopy(piece, search.run.spool, async (file) =>
      search.record(await search.scan({ ...partOf(text, piece), file })),
    )
    if (result !== undefined) return result
  }
  return 'all'
}

function* isPlainText(bytes: Bytes, work: Work): Steps<boolean> {
  return (yield* textPropertiesOf(bytes, work)).isText
}

/** The sample of some of its bytes, except the file. */
function partOf(
  { envelope, origin, message }: ContentSample,
  bytes: Bytes,
): Unfiled<ContentSample> {
  return { kind: 'content', bytes, envelope, origin, message }
}

/**
 * Runs steps in turns of the event loop. `use` receives each content, and returns whether to continue.
 * Resolves to the result of the steps, or to false if they did not end, because `use` stopped them or no
 * client waits any longer.
 */
async function inTurns(
  steps: Steps<boolean>,
  { run: { signal } }: Search,
  use: (content: Bytes) => Promise<boolean> = async () => true,
): Promise<boolean> {
  try {
    let step = steps.next()
    for (; !step.done; step = steps.next()) {
      if (step.value.kind === 'turn') await nextTurn()
      if (signal.aborted) return false
      if (step.value.kind === 'content' && !(await use(step.value.bytes))) return false
    }
    return step.value
  } catch (error) {
    if (error instanceof LimitExceeded) return false
    throw error
  } finally {
    steps.return(false)
  }
}

/** A content of `size` zero bytes, by which a scanner shows whether a size alone exceeds its limit. */
export class Zeros extends Bytes {
  readonly size: number

  constructor(size: number) {
    super()
    this.size = size
  }

  *chunks(from = 0, to = this.size): Generator<Buffer> {
    for (let at = from; at < to; at += ZEROS.length) yield ZEROS.subarray(0, to - at)
  }
}

const ZEROS = Buffer.alloc(64 * 1024)
