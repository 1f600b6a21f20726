/** A manual page with the usage text of its program, to the first empty line, as its SYNOPSIS. */
export function withSynopsis(page: string, usage: string): string {
  const heading = '.Sh SYNOPSIS\n'
  const start = page.indexOf(heading) + heading.length
  const end = page.indexOf('.Sh ', start)
  return page.slice(0, start) + synopsisOf(usage.split('\n\n')[0]!) + page.slice(end)
}

/** Lines of mdoc(7): the program's name begins a form, and each group of brackets is a line. */
function synopsisOf(usage: string): string {
  const [, program = ''] = /^usage: (\S+)/.exec(usage) ?? []
  const tokens = usage.slice('usage: '.length).match(/\]\.\.\.|[[\]|:]|[^\s[\]|:]+/g) ?? []
  const lines: string[] = []
  let words: string[] = []
  const endLine = () => {
    if (words.length > 0) lines.push(`.${words.join(' ')}`)
    words = []
  }
  for (const token of tokens) {
    if (token === program || /^[[\]]/.test(token)) endLine()
    if (token === program) lines.push('.Nm')
    else if (token === '[') lines.push('.Oo')
    else if (token === ']...') lines.push('.Oc Ns ...')
    else if (token === ']') endGroup(lines)
    else if (token === ':') words.push(': Ns')
    else if (token === '|') words.push('|')
    else {
      // An option begins a line, but after a bar.
      if (token.startsWith('--') && words.at(-1) !== '|') endLine()
      words.push(wordOf(token))
    }
  }
  endLine()
  return `${lines.join('\n')}\n`
}

/** Ends the group of brackets; one of a single line becomes `.Op`. */
function endGroup(lines: string[]) {
  if (lines.at(-2) !== '.Oo') lines.push('.Oc')
  else lines.splice(-2, 2, `.Op ${lines.at(-1)!.slice(1)}`)
}

/** Capitals are an argument, what begins with two hyphens an option, and all else stands as it is. */
function wordOf(token: string): string {
  if (token.startsWith('--')) return `Fl ${token.slice(1)}`
  return /^[A-Z]+$/.test(token) ? `Ar ${token.toLowerCase()}` : `Cm ${token}`
}
