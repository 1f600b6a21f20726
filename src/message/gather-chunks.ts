/**
 * Copies all chunks into one buffer, in their order. Each is copied before the next one is asked for,
 * since most iterables of chunks have one buffer for all of them. Whoever wants to keep chunks calls
 * this: a list of them (`[...chunks]`) would hold the last one again and again.
 */
export function gatherChunks(chunks: Iterable<Buffer>): Buffer {
  const copies: Buffer[] = []
  for (const chunk of chunks) copies.push(Buffer.from(chunk))
  return copies.length === 1 ? copies[0]! : Buffer.concat(copies)
}
