/** Test files, the one that takes longest first; not all of them. */
export const longest: readonly string[]

/** All test files of a checkout, as paths from there, the longest first. */
export function longestFirst(root: string): string[]
