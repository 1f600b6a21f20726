/**
 * The text with `?` in place of all but printable ASCII, so that it can forge no line and move no
 * cursor.
 */
export function replaceUnprintable(text: string): string {
  return text.replace(/[^ -~]/gu, '?')
}
