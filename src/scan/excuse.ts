import { createNamedCopy } from '../message/named-copy.ts'
import type { ByteRange, Content } from '../mime/shared/work.ts'
import type { ScanRun } from './run/scan-run.ts'
import { runScanners } from './scan.ts'
import { readContents } from './second-look/read-contents.ts'
import type { Sample } from './shared/scanner.ts'
import type { Verdict } from './shared/verdict.ts'

/**
 * Finds out whether a virus is only in files with these SHA-256 digests (hex, lower case), as mail
 * programs save them. Resolves to the digest of the file that the virus was found in; otherwise
 * undefined. `found` is the name that scanners gave to the message.
 *
 * Three things must hold. Such a file by itself gives the same name. In all other contents nothing is
 * found that is not excused, in every way in which a reader decodes them. So it is in the message
 * without the encoded text of these files. So a file inside an archive or an attached mail is not
 * excused by its own digest, for scanners find it in what is around it, too; nor is anything of which
 * scanners could not tell.
 *
 * `run` must let nothing pass that is over a limit, and have no second look. `run.timeout` is for all
 * of these scans together.
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
  const mayPass = (verdict: Verdict) =>
    verdict.answer === 'clean' ||
    (verdict.answer === 'infected' && run.isExcused?.(verdict) === true)
  const ranges: ByteRange[] = []
  let digest: string | undefined
  const signal = AbortSignal.timeout(Math.ceil(run.timeout))
  const digestOf = (content: Pick<Content, 'chunks'>) => {
    const hash = createHash('sha256')
    for (const chunk of content.chunks()) hash.update(chunk)
    return hash.digest('hex')
  }
  // A file that is attached more than once is given once.
  const onCopy = (copy: Content) => {
    if (copy.range !== undefined && digests.has(digestOf(copy))) ranges.push(copy.range)
  }
  for await (const step of readContents(message, { spool, signal, onCopy })) {
    if (step.kind !== 'content') return undefined
    const hash = digestOf(step.content)
    const verdict = await askAbout(step.content)
    if (digests.has(hash)) {
      if (verdict.answer === 'infected' && verdict.name === found) digest = hash
      if (step.range !== undefined) ranges.push(step.range)
    } else if (!mayPass(verdict)) return undefined
  }
  if (digest === undefined) return undefined
  const rest = without(ranges, message)
  const file = createNamedCopy(spool, () => rest.chunks())
  try {
    const verdict = await askAbout({ ...rest, path: () => file.path(Buffer.alloc(0)) })
    return mayPass(verdict) ? digest : undefined
  } finally {
    file.removeNamedFile()
  }
}

/** The message without the bytes in these ranges. */
function without(ranges: readonly ByteRange[], { envelope, origin, pathIsShared, ...all }: Sample) {
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
  return { size, envelope, origin, pathIsShared, chunks }
}
