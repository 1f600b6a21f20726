/** Upper limit for waiting pieces: more become one, which uses no more memory than its bytes. */
const PIECES_MAX = 256

/**
 * Adds bytes to those that wait to be read, in any split. They must not be changed afterwards. A client that
 * sends byte by byte costs no more memory than its bytes, and no more time for each piece.
 */
export function addWaiting(pieces: Buffer[], piece: Buffer): void {
  if (piece.length === 0) return
  pieces.push(piece)
  if (pieces.length > PIECES_MAX) pieces.splice(0, Number.POSITIVE_INFINITY, Buffer.concat(pieces))
}
