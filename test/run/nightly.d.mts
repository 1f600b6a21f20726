/** Test files that are run without test:all. */
export function withoutNightly(names: readonly string[]): string[]

/** One line about what was left out. */
export function leftOut(all: readonly string[], ran: readonly string[]): string
