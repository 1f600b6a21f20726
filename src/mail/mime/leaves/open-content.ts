import { Bytes } from '../../message/bytes.ts'
import { isEncryptedDocument } from '../archives/encrypted-documents.ts'
import { Unreadable } from '../budget/limits.ts'
import type { Steps } from '../budget/work.ts'
import { beginsCalendar } from '../containers/calendar.ts'
import type { Member, MemberEncoding } from '../containers/container.ts'
import { type ContainerKind, containerKinds, type DeclaredKind } from '../containers/containers.ts'
import { base64 } from '../decoders/base64.ts'
import { binHex, binHexFile } from '../decoders/binhex.ts'
import { type Codec, decoded, decodedInEachWay } from '../decoders/decoder.ts'
import { quotedPrintable } from '../decoders/quoted-printable.ts'
import { unescaped, unpercented, withoutNuls, withoutTails } from '../decoders/text-transforms.ts'
import { EmbeddedData, type TextRange } from './embedded-data.ts'
import { type EmbeddedFormat, inFiles, inTexts } from './embedded-formats.ts'
import type { Extraction, OpenAs } from './extraction.ts'
import { beginsAsMailbox, hasHeader, mailStarts } from './mail-starts.ts'
import { holdsNul } from './text-properties.ts'

/** Opens a content, whatever it is. */
export function* openContent(file: Bytes, extraction: Extraction): Steps {
  yield* openContainers(file, extraction)
  yield* openWithin(file, extraction)
}

/** Opens a mailbox, a message, or what is encoded in a text. */
function* openWithin(file: Bytes, extraction: Extraction): Steps {
  const { openAs, messages } = extraction.scope
  if (openAs.has('text')) yield* openEmbedded(file, extraction, inFiles)
  else if (beginsAsMailbox(file))
    yield* extraction.inside((inner) => openMailbox(file, inner), messages + 1)
  else if (yield* isMail(file, extraction)) yield* extraction.insideMail(file)
  else yield* openEmbedded(file, extraction, inFiles)
}

function* isMail(file: Bytes, extraction: Extraction): Steps<boolean> {
  if (extraction.scope.openAs.has('message')) return true
  // The properties of a calendar look like fields.
  return !beginsCalendar(file.gather()) && (yield* hasHeader(file, extraction.work))
}

/** Opens each mail of a mailbox (mbox, RFC 4155). */
function* openMailbox(mailbox: Bytes, extraction: Extraction): Steps {
  let from = 0
  for (const { at: to, units } of mailStarts(mailbox)) {
    yield* extraction.work.countUnits(units)
    if (to === undefined) continue
    yield* extraction.openMail(mailbox.slice(from, to))
    from = to
  }
  yield* extraction.openMail(mailbox.slice(from))
}

// Containers

/**
 * Opens bytes as each container that they are, if it is not encrypted. They may become many times as large, and an
 * address book may have thousands of keys.
 */
export function* openContainers(source: Bytes, extraction: Extraction): Steps {
  const bytes = source.gather()
  for (const container of containerKinds) yield* openContainer(bytes, container, extraction)
  const { work } = extraction
  if (yield* isEncryptedDocument(bytes, work)) work.onOdd?.('encrypted')
}

/** Opens bytes as one kind of container. */
function* openContainer(source: Buffer, container: ContainerKind, extraction: Extraction): Steps {
  const { openAs } = extraction.scope
  const isDeclared = isDeclaredAs(container, openAs)
  const emit = (content: Member) => openMember(content, container, extraction)
  try {
    const isOpened = yield* container.open(source, { work: extraction.work, isDeclared, emit })
    if (isOpened && container.mustBeRead) extraction.noteOpened()
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error
    // Any other content may look like such a container by chance.
    const mustBeRead = containerKinds.some((kind) => kind.mustBeRead && isDeclaredAs(kind, openAs))
    if (!mustBeRead) extraction.work.onOdd?.('unread')
    else if (!extraction.hasOpened) extraction.work.leaveUnread(error.message)
  }
}

function isDeclaredAs({ hint }: ContainerKind, openAs: ReadonlySet<OpenAs>): boolean {
  return hint !== undefined && openAs.has(hint)
}

function* openMember(
  { bytes, names = [], encoding, isOfSameKind }: Member,
  { kind, hint }: ContainerKind,
  extraction: Extraction,
): Steps {
  const file = yield* extraction.enter(kind, names)
  const { openAs } = file.scope
  const held = isOfSameKind
    ? file
    : file.at({ openAs: new Set([...openAs].filter((other) => other !== hint)) })
  yield* encoding === undefined
    ? emitMember(Bytes.of(bytes), held)
    : held.inside((inner) => decodeMember(encoding, Bytes.of(bytes), inner))
}

function* emitMember(content: Bytes, opened: Extraction): Steps {
  if (yield* hasHeader(content, opened.work)) {
    yield* opened.insideMail(content)
  } else yield* opened.inside((inner) => inner.open(content))
}

function decodeMember(encoding: MemberEncoding, encoded: Bytes, extraction: Extraction): Steps {
  const { work } = extraction
  const open = (content: Bytes) => extraction.open(content)
  const fromBase64 = (text: Bytes) => openDecoded(text, base64, extraction)
  switch (encoding) {
    case 'base64':
      return fromBase64(encoded)
    case 'escaped base64':
      return decoded(encoded, unescaped, work, fromBase64)
    case 'quoted-printable':
      return openDecoded(encoded, quotedPrintable, extraction)
    case 'url':
      return decoded(encoded, unpercented, work, open)
    case 'base64 in a url':
      return decoded(encoded, unpercented, work, fromBase64)
  }
}

/** Decodes a source in each way in which some program does, and opens each result. */
function* openDecoded(source: Bytes, codec: Codec, extraction: Extraction): Steps {
  yield* decodedInEachWay(source, codec, extraction.work, (content) => extraction.open(content))
}

// What is encoded in texts

/** The cost of a block of encoded data, in addition to its bytes. */
const BLOCK_COST = 2048

/** Opens what is encoded in a text, or in a file, that was decoded. */
export function* openEmbedded(text: Bytes, extraction: Extraction, formats = inTexts): Steps {
  const data = yield* EmbeddedData.of(text, formats, extraction.work)
  const whole = { from: 0, to: text.size }
  if (data.beginsIn(whole, formats))
    yield* extraction.inside((inner) => openEmbeddedIn(whole, data, formats, inner))
}

/** Opens the data in these formats in a range of a text, except what was opened before. */
export function* openEmbeddedIn(
  range: TextRange,
  data: EmbeddedData,
  formats: readonly EmbeddedFormat[],
  extraction: Extraction,
): Steps {
  const { work } = extraction
  if (!data.beginsIn(range, formats)) return
  yield* openBlocks(range, data, formats, extraction)
  const part = data.text.slice(range.from, range.to)
  if (!(yield* holdsNul(part, work))) return
  // Some programs end lines at a NUL, or skip NULs.
  for (const decode of [withoutTails, withoutNuls])
    yield* decoded(part, decode, work, (text) => openText(text, formats, extraction))
}

function* openText(text: Bytes, formats: readonly EmbeddedFormat[], extraction: Extraction): Steps {
  const data = yield* EmbeddedData.of(text, formats, extraction.work)
  yield* openBlocks({ from: 0, to: text.size }, data, formats, extraction)
}

function* openBlocks(
  range: TextRange,
  data: EmbeddedData,
  formats: readonly EmbeddedFormat[],
  extraction: Extraction,
): Steps {
  const { work } = extraction
  for (const { format, name, from, to } of yield* data.takeBlocks(range, formats, work)) {
    yield* work.countUnits(BLOCK_COST)
    const block = data.text.slice(from, to)
    if (format.codec === undefined) {
      // All programs decode BinHex alike.
      yield* decoded(block, binHex, work, (source) => openFile(source, extraction))
      continue
    }
    const file = yield* extraction.enter(format.kind, [name])
    const openAs = new Set(declaredAbove(data.text, from))
    yield* openDecoded(block, format.codec, file.at({ openAs }))
  }
}

/** Opens a file in BinHex. */
function* openFile(source: Bytes, extraction: Extraction): Steps {
  const { name, forks } = binHexFile(source.gather())
  const names = [name]
  for (const fork of forks) {
    const file = yield* extraction.enter('binhex', names)
    yield* file.at({ openAs: new Set() }).open(Bytes.of(fork))
  }
}

/** Upper limit for the bytes examined of the line above armour. */
const LABEL_MAX = 128

/** Returns what the line that ends at `to` declares the following armour as. */
function declaredAbove(source: Bytes, to: number): readonly DeclaredKind[] {
  const above = source
    .gather(Math.max(0, to - LABEL_MAX), to)
    .toString('latin1')
    .trimEnd()
  const line = above.split(/[\r\n]/).at(-1)!
  const [, label = ''] = /-----begin ([a-z#]+)/i.exec(line) ?? []
  if (/^pgp$/i.test(label)) return ['openpgp']
  return /^(?:pkcs|cms|smime)/i.test(label) ? ['smime'] : []
}
