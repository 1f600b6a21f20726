import { createNamedCopy } from '../../message/named-copy.ts'
import type { SpoolPolicy } from '../../message/spool-policy.ts'
import type { ByteRange } from '../../mime/shared/work.ts'
import type { Sample } from '../shared/scanner.ts'

/** Calls `ask` with the message without the bytes in these ranges. */
export async function withRest<T>(
  message: Sample,
  ranges: readonly ByteRange[],
  spool: SpoolPolicy,
  ask: (rest: Sample) => Promise<T>,
): Promise<T> {
  return withOwnFile(without(ranges, message), spool, ask)
}

/** Calls `ask` with a sample of these bytes, whose file is not that of any message. */
export async function withOwnFile<T>(
  bytes: Omit<Sample, 'path'>,
  spool: SpoolPolicy,
  ask: (sample: Sample) => Promise<T>,
): Promise<T> {
  const file = createNamedCopy(spool, () => bytes.chunks())
  try {
    const answer = await ask({ ...bytes, path: () => file.path(Buffer.alloc(0)) })
    file.confirmFile()
    return answer
  } finally {
    file.removeNamedFile()
  }
}

/** The message without the bytes in these ranges. */
function without(ranges: readonly ByteRange[], { envelope, origin, ...all }: Sample) {
  const kept: ByteRange[] = []
  let at = 0
  for (const { from, to } of ranges.toSorted((range, other) => range.from - other.from)) {
    if (from > at) kept.push({ from: at, to: from })
    at = Math.max(at, to)
  }
  kept.push({ from: at, to: all.size })
  const size = kept.reduce((sum, { from, to }) => sum + to - from, 0)
  function* chunks(begin = 0, end = size): Generator<Buffer> {
    let before = 0
    for (const { from, to } of kept) {
      const first = from + Math.max(0, begin - before)
      const last = Math.min(to, from + end - before)
      if (first < last) yield* all.chunks(first, last)
      before += to - from
    }
  }
  return { size, envelope, origin, chunks }
}
