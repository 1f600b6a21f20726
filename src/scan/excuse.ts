import type { ByteRange, Content } from '../mime/shared/work.ts'
import { readContents } from './run/read-contents.ts'
import { withRest } from './run/rest.ts'
import type { ScanRun } from './run/scan-run.ts'
import { runScanners } from './scan.ts'
import type { ScanResult } from './shared/scan-result.ts'
import type { Sample } from './shared/scanner.ts'

/**
 * Finds out whether a virus is only in files with these SHA-256 digests (hex, lower case), as mail
 * programs save them. Resolves to the digest of the file that the virus was found in; otherwise
 * undefined. `found` is the name that scanners gave to the message.
 *
 * Three things must hold. Such a file by itself gives the same name. Nothing that is not excused is
 * found in any other content, in every way in which a reader decodes it. Nothing that is not excused
 * is found in what is left of the message without the encoded text of these files. So a file inside
 * an archive or an attached mail is not excused by its own digest, for scanners find it in what is
 * around it, too; nor is anything of which scanners could not tell.
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
  const mayPass = (result: ScanResult) =>
    result.answer === 'clean' || (result.answer === 'infected' && run.isExcused?.(result) === true)
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
    const result = await askAbout(step.content)
    if (digests.has(hash)) {
      if (result.answer === 'infected' && result.name === found) digest = hash
      if (step.range !== undefined) ranges.push(step.range)
    } else if (!mayPass(result)) return undefined
  }
  if (digest === undefined) return undefined
  const result = await withRest(message, ranges, spool, askAbout)
  return mayPass(result) ? digest : undefined
}
