import { openCms } from '../containers/cms.ts'
import { openPgp } from '../containers/openpgp.ts'
import { decoderRoom } from '../decoders/base64.ts'
import type { MakeDecoder } from '../decoders/decoder.ts'
import { DEPTH_MAX, LimitExceeded, Unreadable } from '../shared/limits.ts'
import type { Source } from '../shared/source.ts'
import { Store } from '../shared/store.ts'
import { countBytes, countWork, PIECE, type Steps, type Work } from '../shared/work.ts'
import { hasHeader, looksLikeMail } from './content-checks.ts'
import { type Decoding, giveContent } from './contents-state.ts'
import type { DecodingPlan } from './decoding-plans.ts'

/** Decodes a source in each way of a plan. Gives each result, and the contents inside of it. */
export function* decodeByPlan(plan: DecodingPlan, part: Source, decoding: Decoding): Steps {
  yield* decoded(part, plan.standard, decoding, (source) => giveByPlan(plan, source, decoding))
  yield* decodeInOtherWays(plan, part, decoding)
}

/** Gives what came out of the standard way of a plan. */
function giveByPlan(plan: DecodingPlan, source: Source, decoding: Decoding): Steps {
  // What some readers skip is in none of the contents.
  if (plan.isOdd) decoding.range = undefined
  return giveDecoded(source, decoding)
}

/** Decodes a source in all ways of a plan but the standard one, which must have ended. */
export function* decodeInOtherWays(plan: DecodingPlan, part: Source, decoding: Decoding): Steps {
  for (const other of plan.others()) yield* decodeInOneWay(other, part, decoding)
}

/** Decodes a source with one decoder. Gives the result, and the contents inside of it. */
export function decodeInOneWay(make: MakeDecoder, part: Source, decoding: Decoding): Steps {
  return decoded(part, make, decoding, (source) => giveDecoded(source, decoding))
}

/** The bytes that are expected of each encoded byte: nearly all large contents are in base64. */
const EXPECTED = 3 / 4

/** Decodes a source. The result is there until the steps of `use` are done, whose result this has. */
export function* decoded<Result>(
  part: Source,
  make: MakeDecoder,
  work: Work,
  use: (source: Source) => Steps<Result>,
): Steps<Result> {
  countBytes(work, part.size)
  const store = new Store(work.pool, part.size * EXPECTED)
  try {
    yield* decodeInto(store, part, make, work)
    return yield* use(store)
  } finally {
    store.close()
  }
}

function* decodeInto(store: Store, part: Source, make: MakeDecoder, work: Work): Steps {
  const room = work.rooms.pop() ?? decoderRoom()
  try {
    const decoder = make((bytes, length) => store.append(bytes, 0, length), room)
    for (const chunk of part.chunks()) {
      for (let at = 0; at < chunk.length; at += PIECE) {
        const end = Math.min(chunk.length, at + PIECE)
        decoder.push(chunk, at, end)
        yield* countWork(work, end - at)
      }
    }
    decoder.end()
  } finally {
    work.rooms.push(room)
  }
}

/** Gives a decoded content; then the contents inside of it, if it is a container or may be a mail. */
export function* giveDecoded(source: Source, decoding: Decoding): Steps {
  if (!(yield* giveContent(source, { isCounted: true }, decoding))) return
  yield* giveFromContainers(source, decoding)
  if (looksLikeMail(source) || hasHeader(source))
    yield* inside(giveMail(source, decoding), decoding)
}

function* giveMail(source: Source, decoding: Decoding): Steps {
  yield* giveContent(source, { isMail: true }, decoding)
  yield* decoding.readMail(source, decoding)
}

/** Gives what S/MIME and OpenPGP hold, if the bytes are one of them, and are not encrypted. */
export function* giveFromContainers(source: Source, decoding: Decoding): Steps {
  const give = (content: Source) => inside(giveDecoded(content, decoding), decoding)
  try {
    for (const open of [openCms, openPgp]) {
      if (yield* open(source, decoding, give)) decoding.hasOpened = true
    }
  } catch (error) {
    if (!(error instanceof Unreadable) || !decoding.hasOpened) throw error
  }
}

/** Takes steps inside of one more mail or container. Throws LimitExceeded if these are too many. */
function* inside(steps: Steps, decoding: Decoding): Steps {
  if (decoding.depth === DEPTH_MAX) {
    throw new LimitExceeded(`mail encoded more than ${DEPTH_MAX} deep`)
  }
  decoding.depth++
  try {
    yield* steps
  } finally {
    decoding.depth--
  }
}
