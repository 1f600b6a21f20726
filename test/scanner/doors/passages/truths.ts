import { stampsIn } from '../../scan/stamps/independently-stamped.ts'
import { type Passage, scanOf, type Variant } from './passage.ts'
import type { Fields } from './readers.ts'

/** What others read in what left. */
export interface Readings {
  readonly fields: Fields
  /** What clamd finds in it, or ''. */
  readonly virus: string
}

/** Our lines: any of them that stand in a row. */
const ADDED =
  /^(?:X-QHPSI: (?:clean|virus found)\r?\n|X-SHA256-Cluster-\d+: v=1; k=[\w.-]+; t=\d+; s=\S*; h=[\w-]{43}\r?\n)/

/** A line of a header that some reader may take for a delimiter: such mail gets no stamp. */
const LIKE_A_DELIMITER = /^--/m

/** A header that is empty once these are gone; no stamp covers an empty header. */
const NOTHING_BUT_TAGS = /^(?:x-qhpsi:[^\n]*\n(?:[ \t][^\n]*\n)*)+\r?\n/i

/** Truths that do not hold, each in words; none is what is wanted. */
export function faults(
  passage: Passage,
  readings: Readings | undefined,
  variant: Variant,
): string[] {
  const found: string[] = []
  if (/\bfault=bug\b/.test(passage.log)) found.push(`a bug: ${passage.log}`)
  const { left, retold } = passage
  if (left === undefined || readings === undefined) return found
  const scan = scanOf(passage)
  const tag = { clean: 'clean', trusted: 'clean', infected: 'virus found' }[scan]
  const difference = differenceOf(passage)
  const isStamped = typeof difference !== 'string' && difference.stamps > 0
  if (readings.virus && (tag === 'clean' || isStamped)) {
    found.push(`clamd finds ${readings.virus} in what is called ${scan}`)
  }
  if (typeof difference === 'string') return [...found, difference]
  if (scan === 'infected' && variant !== 'tag') found.push('what is infected passed')
  const wanted = tag === undefined ? [] : [tag]
  // Some have come to the body already where a line with a blank in front is first.
  const mayBeMissed = left[0] === 0x20 || left[0] === 0x09
  for (const [reader, values] of Object.entries(readings.fields)) {
    if (mayBeMissed && values.length === 0) continue
    if (JSON.stringify(values) !== JSON.stringify(wanted)) {
      found.push(`${reader} reads X-QHPSI ${JSON.stringify(values)} where the scan was ${scan}`)
    }
  }
  if (difference.stamps > (scan === 'clean' ? 1 : 0)) {
    found.push(`${difference.stamps} stamps where the scan was ${scan}`)
  }
  // A field that was not passed on unchanged makes the next host scan once more, and no more.
  if (retold) return found
  if (difference.stamps > 0 && stampsIn(left)?.[0] !== true) {
    found.push('the new stamp does not fit the message')
  }
  const stampsBefore = stampsIn(passage.came)
  const holds = stampsBefore?.includes(true) ?? false
  if (variant !== 'skip' && holds !== (scan === 'trusted')) {
    found.push(
      `the scan was ${scan}, and stamps that came with it ${holds ? 'hold' : 'do not hold'}`,
    )
  }
  const came = passage.came.toString('latin1')
  const signable =
    stampsBefore !== null &&
    !NOTHING_BUT_TAGS.test(came) &&
    !LIKE_A_DELIMITER.test(came.split(/\r?\n\r?\n/, 1)[0]!)
  if (scan === 'clean' && signable && difference.stamps === 0) {
    found.push('clean mail that all read alike got no stamp')
  }
  return found
}

/** How many stamps are new, or in words what differs although it is not our own. */
function differenceOf({
  came,
  left,
  retold = false,
}: Passage): { readonly stamps: number } | string {
  const tops = addedOnTop(left!)
  if (left!.subarray(Buffer.byteLength(tops.join(''), 'latin1')).equals(came)) return newOnes(tops)
  const before = linesOf(came)
  const after = linesOf(left!)
  // New fields are on top, or below lines with a blank in front, which would become part of them.
  let top = 0
  while (top < before.length && /^[ \t]/.test(before[top]!) && after[top] === before[top]) top++
  let own = top
  while (own < after.length && ADDED.test(after[own]!)) own++
  for (; own >= top; own--) {
    const rest = [...after.slice(0, top), ...after.slice(own)]
    const difference = removalFault(before, rest, retold)
    if (difference !== undefined && own > top) continue // those that are not new stood there before
    if (difference !== undefined) return difference
    return newOnes(after.slice(top, own))
  }
  throw new Error('cannot be reached')
}

const linesOf = (message: Buffer) => message.toString('latin1').match(/[^\n]*\n|[^\n]+$/g) ?? []

const newOnes = (added: readonly string[]) => ({
  stamps: added.filter((line) => /^X-SHA256-Cluster-/.test(line)).length,
})

/** The lines of ours with which a message begins: at most a field and a stamp. */
function addedOnTop(left: Buffer): string[] {
  const [first = '', second = ''] = linesOf(left.subarray(0, 1024))
  if (!/^X-QHPSI: /.test(first) || !ADDED.test(first)) return []
  return /^X-SHA256/.test(second) && ADDED.test(second) ? [first, second] : [first]
}

/**
 * Undefined where lines of `after` are those of `before` without fields named X-QHPSI. A line of an mbox on top may
 * have become a field.
 */
function removalFault(
  before: readonly string[],
  after: readonly string[],
  retold: boolean,
): string | undefined {
  const removable = retold ? /^x-qhpsi[ \t]*:/i : /^x-qhpsi:/i
  let at = 0
  let agreed = true
  let isTop = true
  for (let i = 0; i < before.length; ) {
    const line = before[i]!
    isTop &&= /^>?From /.test(line)
    if (isTop && after[at] === `MBOX-Line: ${line}`) {
      at++
      i++
      continue
    }
    const isField = /^[!-'*-9;-~]+:/.test(line) || (/^[ \t].*[^ \t\r\n]/.test(line) && i > 0)
    if (line === after[at] && !(agreed && removable.test(line))) {
      agreed &&= (retold && line !== '\n') || (isField && !line.includes('\0'))
      at++
      i++
      continue
    }
    if (!removable.test(line)) return `not our line: ${JSON.stringify(after[at] ?? '')}`
    if (!agreed) return `X-QHPSI was removed where some read the body: ${JSON.stringify(line)}`
    i++
    while (i < before.length && /^[ \t]/.test(before[i]!)) i++
  }
  return at === after.length ? undefined : `not our line: ${JSON.stringify(after[at])}`
}
