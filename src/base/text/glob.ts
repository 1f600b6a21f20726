/**
 * Returns a case-insensitive test of a whole text by a pattern. `*` matches any run of characters, and `?`,
 * if it is a wildcard here, one character; all other characters match themselves. A test costs at most the
 * length of the text times the length of the pattern, which the site writes. It never returns to a `*` after
 * it reaches a later one.
 */
export function compileGlob(pattern: string, wildcards: '*' | '*?'): (text: string) => boolean {
  const lower = pattern.toLowerCase()
  const wanted = [...lower]
  const [tail] = (wildcards === '*?' ? /[^*?]*$/ : /[^*]*$/).exec(lower)!
  return (text) => {
    const lowered = text.toLowerCase()
    return lowered.endsWith(tail) && matches([...lowered], wanted, wildcards === '*?')
  }
}

function matches(
  text: readonly string[],
  pattern: readonly string[],
  hasQuestionMarks: boolean,
): boolean {
  let at = 0
  let next = 0
  let star = -1 // the last `*` that was met
  let starAt = 0 // the position in the text after the characters matched by that `*`
  while (at < text.length) {
    const wanted = pattern[next]
    if (wanted === '*') {
      star = next++
      starAt = at
    } else if (wanted === text[at] || (hasQuestionMarks && wanted === '?')) {
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
