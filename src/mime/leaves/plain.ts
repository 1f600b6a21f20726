import type { Leaf } from '../structure/open-contents.ts'

/**
 * Whether all readers agree about a part: that it is there, where it begins and ends, what its header
 * says, and by which encoding it is decoded. Such a part is decoded once. Its encoding may still turn out
 * to be odd, which the decoder notes. Most parts of ordinary mail are plain; what is not is read in each
 * way in which some reader understands it.
 */
export function isPlain({ header, encodings, mayEnd, depth, isSeenByAll }: Leaf): boolean {
  const isPlace = isSeenByAll && depth !== undefined && mayEnd.length === 0
  return isPlace && header.isPlain && header.oddities.length === 0 && encodings.length === 1
}
