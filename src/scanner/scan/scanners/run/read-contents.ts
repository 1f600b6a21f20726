import { loadCrypto } from '../../../../base/runtime/crypto.ts'
import { Bytes } from '../../../../mail/message/bytes.ts'
import { NamedCopy } from '../../../../mail/message/named-copy.ts'
import { openAnonymousFile, type SpoolSettings } from '../../../../mail/message/spool.ts'
import { type ContentsOptions, contentsOf } from '../../../../mail/mime/contents.ts'
import type { EmittedMail, LeftUnread, PartNames } from '../../../../mail/mime/index.ts'
import type { ContentSample, MessageSample } from '../contract/scanner.ts'
import { TOP_LINE } from '../contract/top-line.ts'
import type { Scan } from './scan-plan.ts'

/** A content of a message. */
export interface FoundContent {
  readonly kind: 'content'
  /** The content as scanners receive it, until the next step is requested. */
  readonly content: ContentSample
  readonly part: PartNames
}

/** A content of a message, or what ends the reading. */
type ReadingStep =
  | FoundContent
  /** The message is nested deeper than is read. */
  | { readonly kind: 'deeper' }
  /** The message has a part that is not read. `reason` names it, or the limit of mail/mime/budget/limits.ts. */
  | ({ readonly kind: 'unread' } & LeftUnread)
  /** The signal was aborted first, or the scan of the bytes as they were sent makes the reading useless. */
  | { readonly kind: 'late' }

/** Reads a message for the decoded contents that any reader of mail might see in it. */
export async function* readContents(
  { message, asSent, run: { spool, signal, nextTurn } }: Pick<Scan, 'message' | 'run' | 'asSent'>,
  options: Omit<ContentsOptions, 'header' | 'openFile' | 'createHash'>,
): AsyncGenerator<ReadingStep, void> {
  const openFile = () => openAnonymousFile(spool.directory)
  const { createHash } = await loadCrypto()
  const { bytes, header } = message.read ?? { bytes: message.bytes, header: undefined }
  for (const step of contentsOf(bytes, { ...options, header, openFile, createHash })) {
    if (step.kind === 'turn') await nextTurn()
    if (signal.aborted || asSent?.endsReading) {
      yield { kind: 'late' }
      return
    }
    if (step.kind === 'content') yield* stepOf(step, message, spool)
    else if (step.kind !== 'turn') yield step
  }
}

/** Yields a content as a sample, whose file is removed when the next step is requested. */
function* stepOf(
  found: EmittedMail & { readonly part: PartNames },
  message: MessageSample,
  spool: SpoolSettings,
): Generator<ReadingStep> {
  const bytes = asSubmitted(found)
  const copy = new NamedCopy(bytes, spool)
  const { envelope, origin } = message
  const content: ContentSample = {
    kind: 'content',
    bytes,
    envelope,
    origin,
    message,
    file: () => copy.file(),
  }
  try {
    yield { kind: 'content', content, part: found.part }
  } finally {
    copy.remove()
  }
}

/** libclamav recognizes mail by its first field, so a mail has the same line on top as the message. */
function asSubmitted({ bytes, isMail }: EmittedMail): Bytes {
  return isMail ? Bytes.of(TOP_LINE, bytes) : bytes
}
