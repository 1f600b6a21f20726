import { yieldAfter } from '../../base/flow/event-loop.ts'
import type { Bytes } from './bytes.ts'
import { endOfLeadingBlankLines, HEADER_FIELDS_MAX, type Header } from './header-block.ts'
import { agreedFieldCount, areContinuations } from './well-formed.ts'

/**
 * Upper limit for the fields removed from one message. Mail that crossed a cluster has one or two. Through a
 * milter each is an edit, and an MTA takes quadratic time for many of them.
 */
const REMOVALS_MAX = 16

/** Whether fields can be removed from a header so that all programs see the same mail. */
type Clearing =
  | { readonly kind: 'clear' }
  /** `reason` ends the sentence "message deferred: ". */
  | { readonly kind: 'unclear'; readonly reason: string }

/**
 * Returns whether the fields with these names (lower case) may be removed, and others added on top.
 *
 * If programs disagree about a header, a line that is a field to one of them is body to another. Removing it
 * could join text that no scanner saw, and keeping it would show a forged field. So all of these fields must
 * be above the first line that is not well formed. Below it their names must not occur at all, in any
 * context.
 */
export function examineClearing(header: Header, names: readonly string[]): Clearing {
  const { text } = header
  if (text[0] === ' ' || text[0] === '\t') {
    // Such a line would continue a new field above it, and may be continued by a new field below.
    const end = endOfLeadingBlankLines(header)
    if (end === 0)
      return { kind: 'unclear', reason: 'its header is a continuation without a field' }
    // New fields would be below these lines, where some program may already decode base64.
    if (!areContinuations(text.slice(0, end), header.lineEnding)) {
      return { kind: 'unclear', reason: 'its header begins with a malformed continuation' }
    }
  }
  const inIt = names.filter((name) => occursIn(text, name))
  if (inIt.length === 0) return { kind: 'clear' }
  const { fields } = header
  const agreed = Math.min(agreedFieldCount(header), HEADER_FIELDS_MAX)
  if (agreed < fields.length) {
    const rest = text.slice(fields[agreed]!.start)
    const name = inIt.find((candidate) => occursIn(rest, candidate))
    if (name !== undefined) {
      return { kind: 'unclear', reason: `its header is malformed and contains ${shown(name)}` }
    }
  }
  const going = fields.filter(({ key }) => inIt.includes(key)).length
  if (going <= REMOVALS_MAX) return { kind: 'clear' }
  const which = inIt.map(shown).join(' and ')
  return { kind: 'unclear', reason: `its header has more than ${REMOVALS_MAX} ${which}` }
}

/** Finds out the same of what follows a header that was cut: the names must not occur there at all. */
export async function examineRest(
  header: Header,
  body: Bytes,
  names: readonly string[],
): Promise<Clearing> {
  let before = printable(header.text).slice(-NAME_LENGTH)
  let read = 0
  for (const chunk of body.chunks()) {
    const text = before + printable(chunk.toString('latin1'))
    const name = names.find((candidate) => occursIn(text, candidate))
    if (name !== undefined) {
      return {
        kind: 'unclear',
        reason: `its header is larger than 1 MiB and contains ${shown(name)}`,
      }
    }
    before = text.slice(-NAME_LENGTH)
    read += chunk.length
    await yieldAfter(read)
  }
  return { kind: 'clear' }
}

/** More characters than any of the names has. */
const NAME_LENGTH = 32

/** Returns a text without what some programs skip in names. */
function printable(text: string): string {
  return text.replace(/[^ -~]+/g, '')
}

/**
 * Returns whether a name (lower case) occurs in the text, in either case. Some programs skip control
 * characters and 8-bit bytes, so the name may contain them.
 */
function occursIn(text: string, name: string): boolean {
  const cached = patterns.get(name)
  const pattern = cached ?? new RegExp([...name].join('[^ -~]*'), 'i')
  if (cached === undefined) patterns.set(name, pattern)
  return pattern.test(text)
}

/** By the few names that there are. */
const patterns = new Map<string, RegExp>()

/** Writes the name of a field as people do. */
function shown(name: string): string {
  return name.replace(/(^|-)(id|qhpsi|[a-z])/g, (part) => part.toUpperCase())
}
