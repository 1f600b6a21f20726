/** Returns the files that differ from a commit of git, including untracked ones. */
export function changedSince(commit: string, root: string): string[]

/** Returns which of all test files a change of `files` concerns, in the order of all. */
export function testsOf(files: readonly string[], all: readonly string[]): string[]
