/** Files that differ from a commit, paths from the root of the repository. */
export function changedSince(commit: string, root: string): string[]

/** Of all test files those that a change of `files` concerns. */
export function testsOf(files: readonly string[], all: readonly string[]): string[]
