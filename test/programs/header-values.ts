/** Returns the values of all header fields of this name, from the top, unfolded and trimmed. */
export function headerValues(message: Buffer, name: string): string[] {
  const text = message.toString('latin1')
  const end = text.indexOf('\n\n')
  const header = text.slice(0, end < 0 ? text.length : end).replace(/\n[ \t]+/g, ' ')
  return header
    .split('\n')
    .filter((line) => line.toLowerCase().startsWith(`${name.toLowerCase()}:`))
    .map((line) => line.slice(name.length + 1).trim())
}

/** Returns the names of all header fields, from the top. */
export function headerNames(message: Buffer): string[] {
  const text = message.toString('latin1')
  const header = text.slice(0, text.indexOf('\n\n'))
  return [...header.matchAll(/^([^\s:]+):/gm)].map(([, name]) => name!)
}

/** Returns the bytes behind the first empty line. */
export function bodyOf(message: Buffer): Buffer {
  return message.subarray(message.indexOf('\n\n') + 2)
}
