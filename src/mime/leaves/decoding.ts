import { openCms } from '../containers/cms.ts'
import { openPgp } from '../containers/openpgp.ts'
import { decoderRoom } from '../decoders/base64.ts'
import type { MakeDecoder } from '../decoders/decoder.ts'
import { DEPTH_MAX, LimitExceeded, Unreadable } from '../shared/limits.ts'
import type { Source } from '../shared/source.ts'
import { Store } from '../shared/store.ts'
import { type ContentStep, countBytes, countWork, PIECE, type Work } from '../shared/work.ts'
import { hasHeader, looksLikeMail } from './content-checks.ts'
import { type Decoding, giveContent } from './contents-state.ts'
import type { DecodingPlan } from './decoding-plans.ts'

/** Decodes a source in each way of a plan. Gives each result, and the contents inside of it. */
export function* decodeByPlan(
  plan: DecodingPlan,
  part: Source,
  decoding: Decoding,
  depth: number,
): Generator<ContentStep> {
  const store = yield* decodeToStore(part, plan.standard, decoding)
  // What some readers skip is in none of the contents.
  if (plan.isOdd) decoding.range = undefined
  try {
    yield* giveDecoded(sourceIn(store), decoding, depth)
  } finally {
    store.close()
  }
  yield* decodeInOtherWays(plan, part, decoding, depth)
}

/** Decodes a source in all ways of a plan but the standard one, which must have ended. */
export function* decodeInOtherWays(
  plan: DecodingPlan,
  part: Source,
  decoding: Decoding,
  depth: number,
): Generator<ContentStep> {
  for (const other of plan.others()) yield* decodeInOneWay(other, part, decoding, depth)
}

/** Decodes a source with one decoder. Gives the result, and the contents inside of it. */
export function* decodeInOneWay(
  make: MakeDecoder,
  part: Source,
  decoding: Decoding,
  depth: number,
): Generator<ContentStep> {
  const store = yield* decodeToStore(part, make, decoding)
  try {
    yield* giveDecoded(sourceIn(store), decoding, depth)
  } finally {
    store.close()
  }
}

/** Decodes a source into a store, which the caller closes. */
export function* decodeToStore(
  part: Source,
  make: MakeDecoder,
  decoding: Work,
): Generator<ContentStep, Store> {
  countBytes(decoding, part.size)
  const store = new Store(decoding.pool)
  const room = decoding.rooms.pop() ?? decoderRoom()
  let isDone = false
  try {
    const decoder = make((bytes, length) => store.append(bytes, 0, length), room)
    for (const chunk of part.chunks()) {
      for (let at = 0; at < chunk.length; at += PIECE) {
        const end = Math.min(chunk.length, at + PIECE)
        decoder.push(chunk, at, end)
        yield* countWork(decoding, end - at)
      }
    }
    decoder.end()
    isDone = true
    return store
  } finally {
    decoding.rooms.push(room)
    if (!isDone) store.close()
  }
}

/** Returns the bytes of a store as a source, which is valid until the store is closed. */
export function sourceIn(store: Store): Source {
  return { size: store.size, chunks: (from, to) => store.chunks(from, to) }
}

/**
 * Gives a decoded content; then the contents inside of it, if it is a container or may be a mail.
 * Throws LimitExceeded if mails are encoded in one another too deep.
 */
export function* giveDecoded(
  source: Source,
  decoding: Decoding,
  depth: number,
): Generator<ContentStep, void> {
  if (!(yield* giveContent(source, { isCounted: true }, decoding))) return
  yield* giveFromContainers(source, decoding, depth)
  if (!looksLikeMail(source) && !hasHeader(source)) return
  checkDepth(depth)
  yield* giveContent(source, { isMail: true }, decoding)
  yield* decoding.readMail(source, decoding, depth + 1)
}

/** Gives what S/MIME and OpenPGP hold, if the bytes are one of them, and are not encrypted. */
export function* giveFromContainers(
  source: Source,
  decoding: Decoding,
  depth: number,
): Generator<ContentStep, void> {
  function* give(content: Source): Generator<ContentStep, void> {
    checkDepth(depth)
    yield* giveDecoded(content, decoding, depth + 1)
  }
  try {
    for (const open of [openCms, openPgp]) {
      if (yield* open(source, decoding, give)) decoding.hasOpened = true
    }
  } catch (error) {
    if (!(error instanceof Unreadable) || !decoding.hasOpened) throw error
  }
}

function checkDepth(depth: number): void {
  if (depth === DEPTH_MAX) throw new LimitExceeded(`mail encoded more than ${DEPTH_MAX} deep`)
}
