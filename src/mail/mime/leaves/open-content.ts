import { Bytes, type MailBytes } from '../../message/bytes.ts'
import { emptyLineAt } from '../../message/field-line.ts'
import { costs } from '../budget/costs.ts'
import { Unreadable } from '../budget/limits.ts'
import type { Steps } from '../budget/work.ts'
import { calendar } from '../containers/calendar.ts'
import { cms } from '../containers/cms.ts'
import type { Container, Member } from '../containers/container.ts'
import { openPgp } from '../containers/openpgp.ts'
import { tnef } from '../containers/tnef.ts'
import { binHex, binHexFile } from '../decoders/binhex.ts'
import { type Decoder, decoded, decodedInEachWay } from '../decoders/decoder.ts'
import { withoutNuls, withoutTails } from '../decoders/text-transforms.ts'
import { isEncryptedDocument } from '../encrypted/encrypted-documents.ts'
import type { DeclaredAs } from '../headers/part-header.ts'
import { declaredAbove, declaredWithout, NOT_DECLARED } from './declared.ts'
import { EmbeddedData, type TextRange } from './embedded-data.ts'
import { type EmbeddedFormat, inFiles, inTexts } from './embedded-formats.ts'
import type { Extraction } from './extraction.ts'
import { kindOfContent, NEXT_MAILS } from './file-kind.ts'
import { holdsNul } from './text-properties.ts'

/** Opens a content, whatever it is. */
export function* openContent(file: Bytes, extraction: Extraction): Steps {
  yield* openContainers(file, extraction)
  yield* openWithin(file, extraction)
}

/** Opens a mailbox, a message, or what is encoded in a text. */
function* openWithin(file: Bytes, extraction: Extraction): Steps {
  const { declared, messages, work } = extraction
  if (declared.has('text')) return yield* openEmbedded(file, extraction, inFiles)
  const kind = yield* kindOfContent(file, work)
  if (kind === 'mailbox')
    yield* extraction.inNextLayer((inner) => openMailbox(file, inner), messages + 1)
  else if (kind === 'mail' || declared.has('message')) yield* extraction.extractMail(file)
  else yield* openEmbedded(file, extraction, inFiles)
}

/**
 * Opens each mail of a mailbox: the next one begins with a line of the mailbox that is below an empty line. A line like it may
 * be in an attached file, and some programs read all of a mailbox as one message. So a message whose file goes on there is
 * also opened together with those below it, up to one that ends.
 */
function* openMailbox(mailbox: Bytes, extraction: Extraction): Steps {
  const { work } = extraction
  const bytes = yield* work.gather(mailbox)
  let from = 0
  let firstOpen = 0
  while (from < bytes.length) {
    yield* work.countUnits(costs.content)
    const lf = yield* work.indexOf(bytes, NEXT_MAILS, from)
    const to = lf === undefined ? bytes.length : lf + 1 + emptyLineAt(bytes, lf + 1)
    const hasEnded = yield* extraction.openMail(mailbox.slice(from, to))
    if (hasEnded || to === bytes.length) {
      if (firstOpen < from) yield* extraction.openMail(mailbox.slice(firstOpen, to))
      firstOpen = to
    }
    from = to
  }
}

// Containers

/** The kinds of containers. Each content is opened as every kind that it may be. */
export const containers: readonly Container[] = [cms, openPgp, tnef, calendar]

/**
 * Opens bytes as each container that they are, if it is not encrypted. They may become many times as large, and an
 * address book may have thousands of keys.
 */
export function* openContainers(source: Bytes, extraction: Extraction): Steps {
  const { work } = extraction
  const bytes = yield* work.gather(source)
  for (const container of containers) yield* openContainer(bytes, container, extraction)
  if (yield* isEncryptedDocument(bytes, work)) work.onOdd?.('encrypted')
}

/** Opens bytes as one kind of container. */
function* openContainer(source: MailBytes, container: Container, extraction: Extraction): Steps {
  const { work, declared } = extraction
  const isDeclared = isDeclaredAs(container, declared)
  const emit = (content: Member) => extractMember(content, container, extraction)
  try {
    const isOpened = yield* container.open(source, { work, isDeclared, emit })
    if (isOpened && container.mustBeRead) extraction.noteOpened()
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error
    // Any other content may look like such a container by chance.
    const mustBeRead = containers.some((kind) => kind.mustBeRead && isDeclaredAs(kind, declared))
    if (!mustBeRead) work.onOdd?.('unread')
    else if (!extraction.hasOpened) work.leaveUnread(error.message, 'unreadable')
  }
}

function isDeclaredAs({ declaredAs }: Container, declared: ReadonlySet<DeclaredAs>): boolean {
  return declaredAs !== undefined && declared.has(declaredAs)
}

function* extractMember(
  { bytes, names, decoder }: Member,
  { kind, declaredAs }: Container,
  extraction: Extraction,
): Steps {
  const file = yield* extraction.atFile(kind, names ?? [])
  const held = names ? file.at({ declared: declaredWithout(file.declared, declaredAs) }) : file
  yield* decoder === undefined
    ? extractFile(Bytes.of(bytes), held)
    : held.inNextLayer((inner) => extractDecoded(Bytes.of(bytes), decoder, inner))
}

function* extractFile(content: Bytes, extraction: Extraction): Steps {
  const kind = yield* kindOfContent(content, extraction.work)
  if (kind === 'mail') yield* extraction.extractMail(content)
  else yield* extraction.inNextLayer((inner) => inner.extract(content))
}

/** Decodes a source in each way in which some program does, and extracts each result. */
function* extractDecoded(source: Bytes, decoder: Decoder, extraction: Extraction): Steps {
  yield* decodedInEachWay(source, decoder, extraction.work, (content) =>
    extraction.extract(content),
  )
}

// What is encoded in texts

/** Opens what is encoded in a text, or in a file, that was decoded. */
export function* openEmbedded(text: Bytes, extraction: Extraction, formats = inTexts): Steps {
  const data = yield* EmbeddedData.of(text, formats, extraction.work)
  const whole = { from: 0, to: text.size }
  if (data.beginsIn(whole, formats))
    yield* extraction.inNextLayer((inner) => openEmbeddedIn(whole, data, formats, inner))
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
  for (const decoder of [withoutTails, withoutNuls])
    yield* decoded(part, decoder, work, (text) => openText(text, formats, extraction))
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
    yield* work.countUnits(costs.block)
    const block = data.text.slice(from, to)
    if (format.decoder === undefined) {
      // All programs decode BinHex alike.
      yield* decoded(block, binHex, work, (content) => openBinHex(content, extraction))
      continue
    }
    const file = yield* extraction.atFile(format.kind, [name])
    const declared = yield* declaredAbove(data.text, from, work)
    yield* extractDecoded(block, format.decoder, file.at({ declared }))
  }
}

/** Extracts the forks of a file that was in BinHex. */
function* openBinHex(source: Bytes, extraction: Extraction): Steps {
  const { name, forks } = binHexFile(yield* extraction.work.gather(source))
  const names = [name]
  for (const fork of forks) {
    const file = yield* extraction.atFile('binhex', names)
    yield* file.at({ declared: NOT_DECLARED }).extract(Bytes.of(fork))
  }
}
