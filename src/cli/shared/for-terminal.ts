/**
 * What a terminal acts on, or shows as something else than it is: control characters but
 * line end and tab, and those that turn the direction of writing (Unicode's bidi controls).
 */
const ACTIVE = /[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g

/**
 * Text for a terminal, whoever wrote what is in it: names of files, addresses, headers and
 * errors may hold escape sequences, which would be carried out there. What was JSON stays the
 * same JSON.
 */
export function forTerminal(text: string): string {
  return text.replace(ACTIVE, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
}
