import type { Leaf } from '../reader/found.ts'

/**
 * Whether a part is plain: all programs agree about its existence, its first and last byte, the fields of its header and
 * its encoding. Such a part is decoded once, unless its decoder notes a feature. Most parts of ordinary mail are plain.
 * Any other part is decoded in each way in which some program understands it.
 */
export function isPlainLeaf({ header, encodings, seenBy }: Leaf): boolean {
  return (
    seenBy === 'all' && header.isPlain && header.oddities.length === 0 && encodings.length === 1
  )
}
