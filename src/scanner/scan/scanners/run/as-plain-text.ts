import { nextTurn } from '../../../../base/flow/event-loop.ts'
import { Bytes } from '../../../../mail/message/bytes.ts'
import { withNamedCopy } from '../../../../mail/message/named-copy.ts'
import { openAnonymousFile } from '../../../../mail/message/spool.ts'
import { FILE_STARTS, MemoryPool, Store, WORK_PER_TURN } from '../../../../mail/mime/index.ts'
import type { Sample } from '../contract/scanner.ts'
import type { RunningScan } from './scan-plan.ts'

/**
 * Calls `scan` with the sample as a plain text, in which nothing is a field: a space is inserted before `From `
 * and before each line that begins like a header field. So scanners do not treat it as mail, and scan all of
 * its bytes at one depth. Resolves to undefined, without a call, for a content that may be anything but a text,
 * because a blank might hide its type.
 */
export async function asPlainText<T>(
  sample: Sample,
  { spool, signal }: Pick<RunningScan, 'spool' | 'signal'>,
  scan: (text: Sample) => Promise<T>,
): Promise<T | undefined> {
  const mustBeText = sample.kind === 'content'
  if (mustBeText && beginsAsFile(sample)) return undefined
  const store = new Store(
    new MemoryPool(() => openAnonymousFile(spool.directory), sample.bytes.size),
    sample.bytes.size,
  )
  try {
    const stuffing = new FieldStuffing()
    let sinceTurn = 0
    for (const chunk of sample.bytes.chunks()) {
      store.putAll(stuffing.push(chunk))
      if (mustBeText && !stuffing.isText) return undefined
      sinceTurn += chunk.length
      if (sinceTurn < WORK_PER_TURN) continue
      sinceTurn = 0
      await nextTurn()
      if (signal.aborted) return undefined
    }
    store.putAll(stuffing.finish())
    const { envelope, origin } = sample
    const of = mustBeText
      ? ({ kind: 'content', message: sample.message } as const)
      : ({ kind: 'message' } as const)
    const bytes = Bytes.of(store.finish())
    return await withNamedCopy(bytes, spool, (file) =>
      scan({ ...of, envelope, origin, bytes, file }),
    )
  } finally {
    store.close()
  }
}

/** The bytes at the beginning by which programs recognize most files. */
const FRONT = 512
/** The offset of the word `ustar` in a tar archive, which may consist of text. */
const TAR_AT = 257

/**
 * Returns whether this may be a file that is not a plain text, although all of its characters are text. Blanks
 * may precede it. Such a file is never scanned as a text. So this test is stricter than mayBeginFile() of the
 * reading, which only adds a scan, and reads fewer bytes. Control characters are not blanks here, because
 * FieldStuffing finds them. The blank of latin1, 0xa0, is one.
 */
function beginsAsFile({ bytes }: Sample): boolean {
  const front = bytes.gather(0, FRONT).toString('latin1')
  const first = front.trimStart()[0]
  const isFile = first !== undefined && FILE_STARTS.includes(first)
  return isFile || front.startsWith('ustar', TAR_AT)
}

/**
 * Upper limit, in bytes, for the text that shows whether a field begins. Every name that libclamav knows is
 * much shorter.
 */
const FIELD_MAX = 80
const FIELD_START = /^(?:>?From |[A-Za-z][A-Za-z0-9-]{0,63}[ \t]{0,8}:)/gm
/** A control character that no text contains, or the beginning of a PDF, which readers find at any offset. */
const NO_TEXT = /[\0-\x08\x0b\x0e-\x1f]|%PDF-/
const PDF_SEAM = '%PDF'.length

/** Puts a blank before each line that begins as a field, in any split of the bytes. */
class FieldStuffing {
  /** The beginning of an incomplete line. */
  #held = ''
  #startsLine = true
  #isText = true
  /** The last characters received. */
  #tail = ''

  /** Whether all bytes until now may be those of a plain text. */
  get isText(): boolean {
    return this.#isText
  }

  push(chunk: Buffer): Buffer {
    const fresh = chunk.toString('latin1')
    const seen = this.#tail + fresh
    if (NO_TEXT.test(seen)) this.#isText = false
    this.#tail = seen.slice(-PDF_SEAM)
    const text = this.#held + fresh
    const line = text.lastIndexOf('\n') + 1
    const end = text.length - line < FIELD_MAX ? line : text.length
    this.#held = text.slice(end)
    return this.#stuff(text.slice(0, end))
  }

  finish(): Buffer {
    return this.#stuff(this.#held)
  }

  #stuff(text: string): Buffer {
    const startsLine = this.#startsLine
    if (text.length > 0) this.#startsLine = text.endsWith('\n')
    const stuff = (field: string, at: number) => (at > 0 || startsLine ? ` ${field}` : field)
    return Buffer.from(text.replace(FIELD_START, stuff), 'latin1')
  }
}
