/** A path whose characters are bytes, as the file system calls take it. */
export function pathBytes(path: string): string | Buffer {
  return /^[\0-\x7f]*$/.test(path) ? path : Buffer.from(path, 'latin1')
}
