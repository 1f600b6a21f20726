/**
 * Characters that a terminal acts on, or that make it show something else: control characters
 * except line end and tab, and those that change the direction of writing (Unicode's bidi
 * controls).
 */
const ACTIVE = /[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g

/**
 * Makes text safe for a terminal. Names of files, addresses, headers and errors may hold escape
 * sequences of strangers, which a terminal would carry out. JSON keeps its meaning.
 */
export function forTerminal(text: string): string {
  return text.replace(ACTIVE, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
}

/** Does the same with text that must stay within its line: line ends and tabs are escaped, too. */
export function lineForTerminal(text: string): string {
  return forTerminal(text.replace(/[\n\t]/g, (sign) => (sign === '\n' ? '\\n' : '\\t')))
}
