/**
 * Replaces all characters but printable ASCII by `?`, so that the text can forge no line of a log
 * and move no cursor.
 */
export function replaceUnprintable(text: string): string {
  return text.replace(/[^ -~]/gu, '?')
}
