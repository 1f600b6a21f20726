import { createNamedCopy } from '../message/named-copy.ts'
import type { ByteRange } from '../mime/walk.ts'
import type { ScanRun } from './run/scan-run.ts'
import { runScanners } from './scan.ts'
import { lookAtContents } from './second-look/look.ts'
import type { Sample } from './shared/scanner.ts'

/**
 * Whether what was found in a message is in nothing but files of these SHA-256 digests (hex, small
 * letters), as mail programs save them: the digest of the file that it was found in, else undefined.
 *
 * Such a file by itself must give the same name, all other contents must be clean, in whatever
 * way a reader decodes them, and so must the message without the encoded text of these files. A file
 * in an archive or in an attached mail is not excused by its own digest: what is around it is found, too.
 * What scanners cannot tell of is not excused. `found` is what they said of the message; `run` lets
 * nothing pass that is over a limit, has no second look, and `run.timeout` is for all of it together.
 */
export async function excusedBy(
  message: Sample,
  digests: ReadonlySet<string>,
  found: string,
  run: ScanRun,
): Promise<string | undefined> {
  const { createHash } = await import('node:crypto')
  const { spool } = run.secondLook
  const deadline = run.uptime() + run.timeout
  const askAbout = (sample: Sample) => {
    const timeout = Math.max(1, deadline - run.uptime())
    return runScanners(sample, { ...run, timeout })
  }
  const places: ByteRange[] = []
  let digest: string | undefined
  const signal = AbortSignal.timeout(Math.ceil(run.timeout))
  const look = await lookAtContents(message, { spool, signal }, async (content, place) => {
    const own = createHash('sha256')
    for (const chunk of content.chunks()) own.update(chunk)
    const hash = own.digest('hex')
    const { answer, ...more } = await askAbout(content)
    if (!digests.has(hash)) return answer === 'clean' ? undefined : 'something else'
    if ('name' in more && more.name === found) digest = hash
    if (place !== undefined) places.push(place)
    return undefined
  })
  if (look.kind !== 'nothing' || digest === undefined) return undefined
  const rest = without(places, message)
  const file = createNamedCopy(spool, () => rest.chunks())
  try {
    const { answer } = await askAbout({ ...rest, path: () => file.path(Buffer.alloc(0)) })
    return answer === 'clean' ? digest : undefined
  } finally {
    file.removeNamedFile()
  }
}

/** The message without the bytes of these places. */
function without(places: readonly ByteRange[], { envelope, origin, pathIsShared, ...all }: Sample) {
  const kept: ByteRange[] = []
  let at = 0
  for (const { from, to } of places.toSorted((place, other) => place.from - other.from)) {
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
  return { size, envelope, origin, pathIsShared, chunks }
}
