import type { Bytes } from '../../message/bytes.ts'
import { Unreadable } from '../budget/limits.ts'
import type { Steps } from '../budget/work.ts'
import { beginsCalendar, openCalendar, utf16Of } from '../containers/calendar.ts'
import { openCms } from '../containers/cms.ts'
import type { HeldFile } from '../containers/content-line.ts'
import { openPgp, type PgpContent } from '../containers/openpgp.ts'
import { openTnef, type TnefListener } from '../containers/tnef.ts'
import { base64 } from '../decoders/base64.ts'
import { toUtf8 } from '../decoders/charsets.ts'
import { decoded, makerOf } from '../decoders/decoder.ts'
import { quotedPrintable } from '../decoders/quoted-printable.ts'
import { Unescaped, Unpercented } from '../decoders/text-forms.ts'
import { NO_HEADER } from '../headers/part-header.ts'
import { hasHeader } from './content-checks.ts'
import type { Decoding } from './decoding.ts'

const unescaped = makerOf(Unescaped)
const unpercented = makerOf(Unpercented)

/**
 * Gives what S/MIME, OpenPGP, TNEF, calendars and cards hold, if the bytes are one of them, and are not
 * encrypted. They may become many times as large, and an address book may have thousands of keys.
 */
export function* giveFromContainers(source: Bytes, decoding: Decoding): Steps {
  yield* giveOpened(source, decoding)
  if (decoding.scope.header.hints.has('calendar') || beginsCalendar(source))
    yield* giveFromCalendar(source, decoding)
}

function* giveOpened(source: Bytes, decoding: Decoding): Steps {
  const { declared } = decoding.scope
  const giveAs = (kind: string) => (content: Bytes) =>
    decoding.giveNamed(kind, [], (inner) => giveFromOpened(content, inner))
  const givePgp = (content: PgpContent) => {
    if (content.kind === 'packets') return giveAs('openpgp')(content.bytes)
    const { name, bytes } = content
    return decoding.giveNamed('openpgp', [name], (inner) => giveFromOpened(bytes, inner, 'none'))
  }
  const names: string[] = [] // of a file in TNEF, which precede it
  const tnef: TnefListener = {
    name: (name) => {
      names.push(name)
      decoding.reportNames('tnef', [name])
    },
    give: (content) =>
      decoding.giveReported('tnef', names.splice(0), (inner) =>
        giveFromOpened(content, inner, 'none'),
      ),
  }
  const isOpened =
    (yield* isReadable(openCms(source, decoding, giveAs('cms')), decoding)) ||
    (yield* isReadable(openPgp(source, declared === 'openpgp', decoding, givePgp), decoding))
  if (isOpened) decoding.noteOpened()
  else yield* openTnef(source, decoding, tnef)
}

/** Opens a container. Returns whether the bytes are one that can be read to its end. */
function* isReadable(opening: Steps<boolean>, decoding: Decoding): Steps<boolean> {
  try {
    return yield* opening
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error
    // A content without a declared type may look like a container by chance.
    if (decoding.scope.declared === 'none') decoding.onOdd?.('unread')
    else if (!decoding.hasOpened) decoding.leaveUnread(error.message)
    return false
  }
}

/** Yields a content of a container. That of a file is declared as nothing. */
function* giveFromOpened(
  content: Bytes,
  decoding: Decoding,
  declared = decoding.scope.declared,
): Steps {
  const opened = decoding.at({ declared })
  if (yield* hasHeader(content, decoding)) {
    yield* opened.insideMail((inner) => inner.giveMail(content))
  } else yield* opened.inside((inner) => inner.giveDecoded(content))
}

function* giveFromCalendar(source: Bytes, decoding: Decoding): Steps {
  const files = decoding.inner({ header: NO_HEADER }) // it does not describe the files
  const open = (text: Bytes) => openCalendar(text, decoding, (file) => giveHeld(file, files))
  const charset = utf16Of(source)
  if (charset === undefined) yield* open(source)
  else yield* decoded(source, toUtf8(charset)[0]!, decoding, open)
}

/** Gives a file that a calendar or a card holds. */
function giveHeld({ encoded, encoding, names }: HeldFile, decoding: Decoding): Steps {
  return decoding.giveNamed('calendar', names, (named) =>
    named.inside((inner) => giveByEncoding(encoding, encoded, inner)),
  )
}

function giveByEncoding(encoding: HeldFile['encoding'], encoded: Bytes, decoding: Decoding): Steps {
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
