import type { Bytes } from '../../message/bytes.ts'
import { beginsCalendar, openCalendar, utf16Of } from '../containers/calendar.ts'
import { openCms } from '../containers/cms.ts'
import { openPgp } from '../containers/openpgp.ts'
import type { HeldFile } from '../containers/property.ts'
import { Base64Plan } from '../decoders/base64.ts'
import { toUtf8 } from '../decoders/charsets.ts'
import { type DecodingPlan, decoderRoom, type MakeDecoder, makerOf } from '../decoders/decoder.ts'
import { QuotedPrintablePlan } from '../decoders/quoted-printable.ts'
import { Unescaped, Unpercented } from '../decoders/text-forms.ts'
import { NO_HEADER } from '../headers/part-header.ts'
import { LimitExceeded, limits, Unreadable } from '../shared/limits.ts'
import { Store } from '../shared/store.ts'
import { PIECE, type Steps, type Work } from '../shared/work.ts'
import { beginsAsMailbox, hasHeader, holdsCodedData, mailStarts } from './content-checks.ts'
import type { Decoding } from './contents-state.ts'

/** Decodes a source in each way of a plan. Gives each result, and the contents inside of it. */
export function* decodeByPlan(plan: DecodingPlan, part: Bytes, decoding: Decoding): Steps {
  yield* decodeInOneWay(plan.standard, part, decoding)
  yield* decodeInOtherWays(plan, part, decoding)
}

/** Decodes a source in all ways of a plan but the standard one, which must have ended. */
export function decodeInOtherWays(plan: DecodingPlan, part: Bytes, decoding: Decoding): Steps {
  function* inEach(): Steps {
    for (const other of plan.others()) yield* decodeInOneWay(other, part, decoding)
  }
  return decoding.oddly(inEach())
}

/** Decodes a source with one decoder. Gives the result, and the contents inside of it. */
export function decodeInOneWay(make: MakeDecoder, part: Bytes, decoding: Decoding): Steps {
  return decoded(part, make, decoding, (source) => giveDecoded(source, decoding))
}

/** The bytes that are expected of each encoded byte: nearly all large contents are in base64. */
const EXPECTED = 3 / 4

/** Decodes a source. The result is there until the steps of `use` are done, whose result this has. */
export function* decoded<Result>(
  part: Bytes,
  make: MakeDecoder,
  work: Work,
  use: (source: Bytes) => Steps<Result>,
): Steps<Result> {
  work.countBytes(part.size)
  const store = new Store(work.pool, part.size * EXPECTED)
  try {
    yield* decodeInto(store, part, make, work)
    return yield* use(store)
  } finally {
    store.close()
  }
}

function* decodeInto(store: Store, part: Bytes, make: MakeDecoder, work: Work): Steps {
  const room = work.rooms.pop() ?? decoderRoom()
  try {
    const decoder = make((bytes, length) => store.append(bytes, 0, length), room)
    for (const chunk of part.chunks()) {
      for (let at = 0; at < chunk.length; at += PIECE) {
        const end = Math.min(chunk.length, at + PIECE)
        decoder.push(chunk, at, end)
        yield* work.countUnits(end - at)
      }
    }
    decoder.end()
  } finally {
    work.rooms.push(room)
  }
}

/** Gives a decoded content; then the contents inside of it, if it is a container or may be a mail. */
export function* giveDecoded(source: Bytes, decoding: Decoding): Steps {
  if (!(yield* decoding.give(source, { isCounted: true, opens: true }))) return
  yield* giveFromContainers(source, decoding)
  yield* giveWithin(source, decoding)
}

/** Gives what stands in a file: in a mailbox, in a mail, or encoded in a text. */
export function* giveWithin(file: Bytes, decoding: Decoding): Steps {
  // The properties of a calendar look like fields.
  const isMail = () => decoding.leaf.isMessage || (hasHeader(file) && !beginsCalendar(file))
  if (beginsAsMailbox(file)) yield* insideMail(giveMails(file, decoding), decoding)
  else if (isMail()) yield* insideMail(giveMail(file, decoding), decoding)
  else yield* giveCodedWithin(file, decoding)
}

/** Gives what stands in each mail of a mailbox (mbox, RFC 4155). */
function* giveMails(mailbox: Bytes, decoding: Decoding): Steps {
  let from = 0
  for (const to of [...mailStarts(mailbox), mailbox.size]) {
    yield* decoding.readWithin(mailbox.slice(from, to), 'mail', decoding)
    from = to
  }
}

/** Decodes a text that is shown with one decoder. Gives the result, and what is encoded in it. */
export function decodeText(make: MakeDecoder, text: Bytes, decoding: Decoding): Steps {
  return decoded(text, make, decoding, function* (result) {
    if (yield* decoding.give(result, { isCounted: true })) {
      yield* giveCodedWithin(result, decoding)
    }
  })
}

/** Gives what is encoded in a text that was decoded. */
export function* giveCodedWithin(text: Bytes, decoding: Decoding): Steps {
  if (holdsCodedData(text)) yield* inside(decoding.readWithin(text, 'text', decoding), decoding)
}

function* giveMail(source: Bytes, decoding: Decoding): Steps {
  yield* decoding.give(source, { isMail: true })
  yield* decoding.readWithin(source, 'mail', decoding)
}

/**
 * Gives what S/MIME, OpenPGP, calendars and cards hold, if the bytes are one of them, and are not
 * encrypted. Calendars and cards are read by the budget of odd readings, since an address book may have
 * thousands of photos; so are bytes that only look like S/MIME or OpenPGP, below a header that says
 * something else.
 */
export function* giveFromContainers(source: Bytes, decoding: Decoding): Steps {
  const { isContainer, isCalendar } = decoding.leaf.header
  const message = giveOpened(source, decoding)
  yield* isContainer ? message : decoding.oddly(message)
  if (!isCalendar && !beginsCalendar(source)) return
  yield* decoding.oddly(giveFromCalendar(source, decoding))
}

function* giveOpened(source: Bytes, decoding: Decoding): Steps {
  const give = (content: Bytes) =>
    hasHeader(content)
      ? insideMail(giveMail(content, decoding), decoding)
      : inside(giveDecoded(content, decoding), decoding)
  try {
    for (const open of [openCms, openPgp]) {
      if (yield* open(source, decoding, give)) decoding.leaf.hasOpened = true
    }
  } catch (error) {
    if (!(error instanceof Unreadable) || !decoding.leaf.hasOpened) throw error
  }
}

function* giveFromCalendar(source: Bytes, decoding: Decoding): Steps {
  const open = (text: Bytes) => openCalendar(text, decoding, (file) => giveHeld(file, decoding))
  const { header } = decoding.leaf
  decoding.leaf.header = NO_HEADER // it says nothing about the files
  try {
    const charset = utf16Of(source)
    if (charset === undefined) yield* open(source)
    else yield* decoded(source, toUtf8(charset)[0]!, decoding, open)
  } finally {
    decoding.leaf.header = header
  }
}

const unescaped = makerOf(Unescaped)
const unpercented = makerOf(Unpercented)

/** Gives a file that a calendar or a card holds. */
function* giveHeld({ encoded, encoding, names }: HeldFile, decoding: Decoding): Steps {
  for (const name of names) decoding.options.onName?.(name)
  const fromBase64 = (text: Bytes) => decodeByPlan(new Base64Plan(), text, decoding)
  const ways: Record<HeldFile['encoding'], () => Steps> = {
    base64: () => fromBase64(encoded),
    'escaped base64': () => decoded(encoded, unescaped, decoding, fromBase64),
    'quoted-printable': () => decodeByPlan(new QuotedPrintablePlan(), encoded, decoding),
    url: () => decodeInOneWay(unpercented, encoded, decoding),
    'base64 in a url': () => decoded(encoded, unpercented, decoding, fromBase64),
  }
  yield* inside(ways[encoding](), decoding)
}

/** Takes steps inside of one more mail, as `inside` does. */
function* insideMail(steps: Steps, decoding: Decoding): Steps {
  decoding.leaf.messages++
  try {
    yield* inside(steps, decoding)
  } finally {
    decoding.leaf.messages--
  }
}

/**
 * Takes steps inside of one more mail or container. Throws LimitExceeded if these are too many: more than
 * `limits` say, and more than may be nested, so that it is known before that mail is nested too deep.
 */
function* inside(steps: Steps, decoding: Decoding): Steps {
  const most = Math.max(limits.depth, (decoding.options.maxDepth ?? 0) + 1)
  if (decoding.depth === most) throw new LimitExceeded(`mail encoded more than ${most} deep`)
  decoding.depth++
  try {
    yield* steps
  } finally {
    decoding.depth--
  }
}
