/** Longest white space, in characters, that is looked for behind the `=` of a soft line break. */
const PADDING_MAX = 80

/**
 * Undoes quoted-printable (RFC 2045 6.7) in a text that comes in pieces, a character
 * a byte. What is no escape stays as it is. An escape that the text ends in is lost.
 */
export function createQuotedPrintableReader(): (piece: string) => string {
  let held = ''
  return (piece) => {
    const text = held + piece
    // An escape or soft line break that the next piece may complete.
    const open = text.lastIndexOf('=')
    const whole = open >= 0 && isOpenEscape(text.slice(open)) ? text.slice(0, open) : text
    held = text.slice(whole.length)
    return whole
      .replace(/=[\t ]*\r?\n/g, '')
      .replace(/=([0-9A-Fa-f]{2})/g, (_, hex: string) =>
        String.fromCharCode(Number.parseInt(hex, 16)),
      )
  }
}

function isOpenEscape(text: string): boolean {
  return text.length <= PADDING_MAX && /^=(?:[0-9A-Fa-f]?|[\t ]*\r?)$/.test(text)
}
