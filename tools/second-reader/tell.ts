import type { Fault, Tally } from './bench.ts'

/** Kinds of faults, examples of each, and characters of one. */
const FAULTS = 40
const EXAMPLES = 4
const LENGTH = 500

export function* linesOf(tally: Tally): Generator<string> {
  yield `${tally.messages} messages: ${inOrder(tally.doors).join(', ')}`
  yield `became: ${inOrder(tally.outcomes).join(', ')}`
  for (const line of inOrder(tally.troubles)) yield `given up: ${line}`
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
