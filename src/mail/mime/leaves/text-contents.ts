import type { Bytes } from '../../message/bytes.ts'
import { changesAscii, toUtf8 } from '../decoders/charsets.ts'
import { makerOf } from '../decoders/decoder.ts'
import { Unstuffed } from '../decoders/text-forms.ts'
import type { Encoding } from '../headers/part-header.ts'
import type { Steps } from '../shared/work.ts'
import { splitLineEnd } from './content-checks.ts'
import { type Decoding, giveContent } from './contents-state.ts'
import { decoded, decodeInOneWay, giveCodedWithin } from './decoding.ts'
import { base64Plan, quotedPrintablePlan } from './decoding-plans.ts'
import { giveDecodedForms, type SavingContext } from './saved-forms.ts'

/**
 * Gives a text as readers save it that know its character set, in UTF-8, and those that know
 * format=flowed (RFC 3676), without the blanks that its lines were stuffed with.
 */
export function* giveAsText(
  part: Bytes,
  encoding: Encoding,
  saved: SavingContext,
  decoding: Decoding,
): Steps {
  const { charsets, isStuffed } = saved.header
  if ((charsets.length === 0 && !isStuffed) || encoding === 'uuencode') return
  const { bare, end } = splitLineEnd(part)
  const give = (text: Bytes) => giveInUtf8(text, end, saved, decoding)
  if (encoding === 'identity') yield* give(bare)
  else {
    const plan = encoding === 'base64' ? base64Plan() : quotedPrintablePlan()
    yield* decoded(bare, plan.standard, decoding, give)
  }
}

function* giveInUtf8(text: Bytes, end: Buffer, saved: SavingContext, decoding: Decoding): Steps {
  const { charsets, isStuffed, isText } = saved.header
  if (isStuffed) yield* giveUnstuffed(text, isText, decoding)
  for (const charset of charsets) {
    // Text that is shown is ASCII to scanners, unless its bytes mean another text.
    if (!changesAscii(charset) && (isText || !hasEightBits(text))) continue
    for (const make of toUtf8(charset)) {
      yield* decoded(text, make, decoding, function* (converted) {
        if (isText) {
          yield* giveContent(converted, { isCounted: true }, decoding)
          yield* giveCodedWithin(converted, decoding)
        } else yield* giveDecodedForms(converted, end, saved, decoding)
        if (isStuffed) yield* giveUnstuffed(converted, isText, decoding)
      })
    }
  }
}

const unstuff = makerOf(Unstuffed)

/** Gives a file without what its lines were stuffed with; of text that is shown, what is encoded in it. */
function* giveUnstuffed(text: Bytes, isText: boolean, decoding: Decoding): Steps {
  if (!hasStuffedLine(text)) return
  if (!isText) yield* decodeInOneWay(unstuff, text, decoding)
  else yield* decoded(text, unstuff, decoding, (plain) => giveCodedWithin(plain, decoding))
}

function hasEightBits(text: Bytes): boolean {
  for (const chunk of text.chunks()) {
    for (let at = 0; at < chunk.length; at++) if (chunk[at]! >= 0x80) return true
  }
  return false
}

/** Returns whether a line begins with a blank. */
function hasStuffedLine(text: Bytes): boolean {
  let startsLine = true
  for (const chunk of text.chunks()) {
    if (startsLine && chunk[0] === 0x20) return true
    if (chunk.includes('\n ')) return true
    startsLine = chunk.at(-1) === 0x0a
  }
  return false
}
