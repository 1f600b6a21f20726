import { EICAR } from '../../src/scanner/scan/scanners/eicar/eicar.ts'
import { type Door, inLanes, type Passage } from '../../test/scanner/doors/passages/passage.ts'
import { readByLines } from '../../test/scanner/doors/passages/readers.ts'
import { faults } from '../../test/scanner/doors/passages/truths.ts'
import { stampsIn } from '../../test/scanner/scan/stamps/independently-stamped.ts'
import { type Kind, type Letter, makeLetter } from './letters.ts'

export interface Load {
  readonly count: number
  /** Under way at a time. */
  readonly atOnce: number
  /** Bytes. */
  readonly most: number
  /** Serial of the first one, so that no two runs send the same. */
  readonly first?: number
  /** The messages; makeLetter() if it is not set. */
  readonly letters?: (serial: number, most: number) => Letter
}

export interface Result {
  messages: number
  bytes: number
  /** Of clean ones, each with one stamp that holds. */
  stampsThatFit: number
  refused: number
  /** Clean by all means, and such that no stamp may cover them. */
  unstamped: number
  /** Deferred, which is not a lie. */
  deferred: number
  /** Judged by the standalone program, which the client turned to. */
  standalone: number
  /** Scanned, and known from a copy. */
  scanned: number
  known: number
  readonly wrong: string[]
}

export const newResult = (): Result => ({
  messages: 0,
  bytes: 0,
  stampsThatFit: 0,
  refused: 0,
  unstamped: 0,
  deferred: 0,
  standalone: 0,
  scanned: 0,
  known: 0,
  wrong: [],
})

/** Sends the messages through the interfaces in turn, and looks whether the results are true. */
export async function runLoad(
  doors: readonly Door[],
  { count, atOnce, most, first = 0, letters = makeLetter }: Load,
  result: Result = newResult(),
): Promise<Result> {
  await inLanes(Array(count).keys(), atOnce, async (at) => {
    const serial = first + at
    const door = doors[serial % doors.length]!
    const { kind, message } = letters(serial, most)
    const passage = await door.send(message)
    result.messages++
    result.bytes += message.length
    const wrong = lookAt(passage, kind, result)
    if (wrong) result.wrong.push(`${door.name}, message ${serial}, ${kind}: ${wrong}`)
  })
  return result
}

/** What is not as it must be, or ''; counts what happened to it. */
function lookAt(passage: Passage, kind: Kind, result: Result): string {
  const { outcome, log, left } = passage
  if (/\bdecision=standalone\b/.test(log)) result.standalone++
  if (/\bscan=(?:clean|infected)\b/.test(log)) result.scanned++
  if (/\bscan=cached\b/.test(log)) result.known++
  if (outcome === 'deferred') {
    result.deferred++
    return /\bfault=bug\b/.test(log) ? log : ''
  }
  if (kind === 'virus') {
    if (outcome === 'refused') result.refused++
    return outcome === 'refused' ? '' : `${outcome}: ${log}`
  }
  if (left === undefined) return `${outcome}: ${log}`
  const header = left.subarray(0, left.indexOf('\n\n') + 2)
  const virus = left.includes(EICAR) ? 'the test virus' : ''
  const found = faults(passage, { fields: readByLines(header), virus }, 'refuse')
  if (found.length > 0) return found.join('; ')
  const stamps = stampsIn(left)?.filter((holds) => holds).length ?? 0
  if (stamps !== (kind === 'clean' ? 1 : 0)) return `${stamps} stamps: ${log}`
  if (kind === 'clean') result.stampsThatFit++
  else result.unstamped++
  return ''
}

export function* linesOf(result: Result): Generator<string> {
  const megabytes = (result.bytes / 1024 / 1024).toFixed(0)
  yield `${result.messages} messages of ${megabytes} MiB in all`
  yield `stamps that fit: ${result.stampsThatFit}; infected and refused: ${result.refused}; ` +
    `clean, and not to be stamped: ${result.unstamped}; deferred: ${result.deferred}; ` +
    `by the standalone program: ${result.standalone}; scanned: ${result.scanned}; known: ${result.known}`
  yield `wrong: ${result.wrong.length}`
  for (const line of result.wrong.slice(0, 20)) yield `  ${line.slice(0, 400)}`
}
