/**
 * Returns the name that was probably meant by `word`: the name with the fewest inserted, removed, exchanged
 * or swapped letters. Undefined if that number is more than a third of the word.
 */
export function nearestName(word: string, names: Iterable<string>): string | undefined {
  let best: string | undefined
  let least = Math.floor(Math.max(word.length, 3) / 3) + 1
  for (const name of names) {
    const steps = distance(word.toLowerCase(), name.toLowerCase())
    if (steps < least) {
      best = name
      least = steps
    }
  }
  return best
}

/** Returns the restricted distance of Damerau and Levenshtein: no letter is moved twice. */
function distance(a: string, b: string): number {
  let before: number[] = []
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = a[i - 1] === b[j - 1] ? 0 : 1
      let steps = Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + change)
      const isSwapped = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      if (i > 1 && j > 1 && isSwapped) steps = Math.min(steps, before[j - 2]! + 1)
      next.push(steps)
    }
    before = row
    row = next
  }
  return row[b.length]!
}
