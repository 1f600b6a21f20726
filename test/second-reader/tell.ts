import type { Fault, Tally } from './bench.ts'

/** Classes that are named; there are too many kinds of odd mail for all. */
const CLASSES = 12
/** Kinds of faults, examples of each, and characters of one. */
const FAULTS = 40
const EXAMPLES = 4
const LENGTH = 500

export function* linesOf(tally: Tally): Generator<string> {
  yield `${tally.messages} messages: ${inOrder(tally.doors).join(', ')}`
  yield `became: ${inOrder(tally.outcomes).join(', ')}`
  for (const line of inOrder(tally.troubles)) yield `given up: ${line}`
  const missed = inOrder(tally.missed)
  const sum = [...tally.missed.values()].reduce((all, count) => all + count, 0)
  yield `opened by a reader, and clamd finds nothing: ${sum} in ${missed.length} classes`
  for (const line of missed.slice(0, CLASSES)) yield `  ${line}`
  yield `faults: ${tally.faults.length}`
  for (const [faults, trials] of alike(tally.faults).slice(0, FAULTS)) {
    yield faults
    for (const { trial, message } of trials.slice(0, EXAMPLES)) {
      yield `  ${trial}`
      yield `    ${JSON.stringify(message.toString('latin1')).slice(0, LENGTH)}`
    }
    if (trials.length > EXAMPLES) yield `  and ${trials.length - EXAMPLES} more`
  }
}

/** By what is wrong with them, the most frequent first. */
function alike(all: readonly Fault[]): [string, Fault[]][] {
  const groups = new Map<string, Fault[]>()
  for (const fault of all) {
    const what = fault.faults.map((text) => text.slice(0, LENGTH)).join('; ')
    groups.set(what, [...(groups.get(what) ?? []), fault])
  }
  return [...groups].sort(([, a], [, b]) => b.length - a.length)
}

function inOrder(counts: ReadonlyMap<string, number>): string[] {
  return [...counts].sort(([, a], [, b]) => b - a).map(([what, count]) => `${what} ${count}`)
}
