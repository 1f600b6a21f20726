/** The text with `?` for whatever is not printable ASCII: it forges no line and moves no cursor. */
export function printable(text: string): string {
  return text.replace(/[^ -~]/gu, '?')
}
