import { Bytes } from '../../message/bytes.ts'
import { Unreadable } from '../budget/limits.ts'
import type { Steps } from '../budget/work.ts'
import type { HeldContent, HeldEncoding } from '../containers/container.ts'
import {
  type ContainerKind,
  containerKinds,
  isContainerToRead,
  isDeclaredAs,
} from '../containers/containers.ts'
import { base64 } from '../decoders/base64.ts'
import { decoded } from '../decoders/decoder.ts'
import { quotedPrintable } from '../decoders/quoted-printable.ts'
import { unescaped, unpercented } from '../decoders/text-transforms.ts'
import type { Extraction } from './extraction.ts'
import { hasHeader } from './mail-starts.ts'

/**
 * Opens bytes as each container that they are, if it is not encrypted. They may become many times as large, and an
 * address book may have thousands of keys.
 */
export function* openContainers(source: Bytes, extraction: Extraction): Steps {
  const bytes = source.gather()
  for (const container of containerKinds) yield* openAs(bytes, container, extraction)
}

/** Opens bytes as one kind of container. */
function* openAs(source: Buffer, container: ContainerKind, extraction: Extraction): Steps {
  const isDeclared = isDeclaredAs(container, extraction.scope.declared)
  const emit = (content: HeldContent) => openHeld(content, container, extraction)
  try {
    const isOpened = yield* container.open(source, { work: extraction.work, isDeclared, emit })
    if (isOpened && container.mustBeRead) extraction.noteOpened()
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error
    if (!isContainerToRead(extraction.scope.declared)) extraction.work.onOdd?.('unread')
    else if (!extraction.hasOpened) extraction.work.leaveUnread(error.message)
  }
}

function* openHeld(
  { bytes, names = [], encoding, isOfSameKind }: HeldContent,
  { kind, hint }: ContainerKind,
  extraction: Extraction,
): Steps {
  const file = yield* extraction.enter(kind, names)
  const { declared } = file.scope
  const held = isOfSameKind
    ? file
    : file.at({ declared: new Set([...declared].filter((other) => other !== hint)) })
  yield* encoding === undefined
    ? emitHeld(Bytes.of(bytes), held)
    : held.inside((inner) => decodeHeld(encoding, Bytes.of(bytes), inner))
}

function* emitHeld(content: Bytes, opened: Extraction): Steps {
  if (yield* hasHeader(content, opened.work)) {
    yield* opened.insideMail((inner) => inner.emitMail(content))
  } else yield* opened.inside((inner) => inner.emitAndOpen(content))
}

function decodeHeld(encoding: HeldEncoding, encoded: Bytes, extraction: Extraction): Steps {
  const fromBase64 = (text: Bytes) => extraction.decodeInEachWay(base64, text)
  switch (encoding) {
    case 'base64':
      return fromBase64(encoded)
    case 'escaped base64':
      return decoded(encoded, unescaped, extraction.work, fromBase64)
    case 'quoted-printable':
      return extraction.decodeInEachWay(quotedPrintable, encoded)
    case 'url':
      return extraction.decode(unpercented, encoded)
    case 'base64 in a url':
      return decoded(encoded, unpercented, extraction.work, fromBase64)
  }
}
