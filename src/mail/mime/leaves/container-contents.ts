import type { Bytes } from '../../message/bytes.ts'
import { Unreadable } from '../budget/limits.ts'
import type { Steps } from '../budget/work.ts'
import type { HeldContent, HeldEncoding } from '../containers/container.ts'
import { type ContainerKind, containerKinds, isDeclaredAs } from '../containers/containers.ts'
import { base64 } from '../decoders/base64.ts'
import { decoded, makerOf } from '../decoders/decoder.ts'
import { quotedPrintable } from '../decoders/quoted-printable.ts'
import { Unescaped, Unpercented } from '../decoders/text-forms.ts'
import { NO_HEADER } from '../headers/part-header.ts'
import { hasHeader } from './content-checks.ts'
import type { Decoding } from './decoding.ts'

const unescaped = makerOf(Unescaped)
const unpercented = makerOf(Unpercented)

/**
 * Gives what a container holds, if the bytes are one that is not encrypted. They may become many times as large, and an
 * address book may have thousands of keys.
 */
export function* giveFromContainers(source: Bytes, decoding: Decoding): Steps {
  for (const container of containerKinds) yield* giveOpened(source, container, decoding)
}

/** Opens bytes as one kind of container. */
function* giveOpened(source: Bytes, container: ContainerKind, decoding: Decoding): Steps {
  const isDeclared = isDeclaredAs(container, decoding.scope)
  let reported: readonly string[] | undefined
  const give = (content: HeldContent) => {
    const { names = [] } = content
    if (names !== reported) decoding.reportNames(container.kind, names)
    reported = names
    return decoding.giveReported(container.kind, names, (inner) =>
      giveHeld(content, container, inner),
    )
  }
  try {
    const isOpened = yield* container.open(source, { work: decoding, isDeclared, give })
    if (isOpened && container.declaredAs !== undefined) decoding.noteOpened()
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error
    // A content without a declared type may look like a container by chance.
    if (decoding.scope.declared === 'none') decoding.onOdd?.('unread')
    else if (!decoding.hasOpened) decoding.leaveUnread(error.message)
  }
}

function giveHeld(
  { bytes, encoding, isOfSameKind }: HeldContent,
  { hint }: ContainerKind,
  decoding: Decoding,
): Steps {
  const held = decoding.inner({
    // Header and declaration are those of the container.
    ...(hint !== undefined && { header: NO_HEADER }),
    ...(!isOfSameKind && { declared: 'none' as const }),
  })
  return encoding === undefined
    ? giveFromOpened(bytes, held)
    : held.inside((inner) => giveByEncoding(encoding, bytes, inner))
}

function* giveFromOpened(content: Bytes, opened: Decoding): Steps {
  if (yield* hasHeader(content, opened)) {
    yield* opened.insideMail((inner) => inner.giveMail(content))
  } else yield* opened.inside((inner) => inner.giveDecoded(content))
}

function giveByEncoding(encoding: HeldEncoding, encoded: Bytes, decoding: Decoding): Steps {
  const fromBase64 = (text: Bytes) => decoding.giveInEachWay(base64, text)
  switch (encoding) {
    case 'base64':
      return fromBase64(encoded)
    case 'escaped base64':
      return decoded(encoded, unescaped, decoding, fromBase64)
    case 'quoted-printable':
      return decoding.giveInEachWay(quotedPrintable, encoded)
    case 'url':
      return decoding.giveInOneWay(unpercented, encoded)
    case 'base64 in a url':
      return decoded(encoded, unpercented, decoding, fromBase64)
  }
}
