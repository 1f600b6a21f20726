/**
 * Returns a test of whole texts by a pattern, in which upper and lower case are the same. `*`
 * stands for any run of characters, `?` for one character if it is a wildcard here; all others are
 * themselves. A test takes at most the length of the text times that of the pattern, which the site
 * writes: a `*` is given up once a later one is reached.
 */
export function compileGlob(pattern: string, wildcards: '*' | '*?'): (text: string) => boolean {
  const lower = pattern.toLowerCase()
  const wanted = [...lower]
  const [tail] = (wildcards === '*?' ? /[^*?]*$/ : /[^*]*$/).exec(lower)!
  return (text) => {
    const given = text.toLowerCase()
    return given.endsWith(tail) && matches([...given], wanted, wildcards === '*?')
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
  let starAt = 0 // the place in the text after what that `*` stands for
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
