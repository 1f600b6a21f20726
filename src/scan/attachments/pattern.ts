/**
 * A pattern of a whole text, in any letter case: `*` stands for any characters or
 * none, `?` for one. Time is at most the text's length times the pattern's: a `*` is
 * given up once a later one is reached.
 */
export function makePattern(pattern: string): (text: string) => boolean {
  const wanted = [...pattern.toLowerCase()]
  return (text) => matches([...text.toLowerCase()], wanted)
}

function matches(text: readonly string[], pattern: readonly string[]): boolean {
  let at = 0
  let next = 0
  let star = -1 // the last `*` that was met
  let starAt = 0 // where the text behind it is taken up
  while (at < text.length) {
    if (next < pattern.length && pattern[next] === '*') {
      star = next++
      starAt = at
    } else if (next < pattern.length && (pattern[next] === '?' || pattern[next] === text[at])) {
      next++
      at++
    } else if (star >= 0) {
      next = star + 1
      at = ++starAt
    } else {
      return false
    }
  }
  while (pattern[next] === '*') next++
  return next === pattern.length
}
