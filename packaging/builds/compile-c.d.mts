/** Flags of the compiler: the language, and the warnings that are errors. */
export const strict: readonly string[]
/** Flags with which a program exits with a report on undefined behaviour. */
export const sanitized: readonly string[]
/** Runs a compiler in the checkout. Throws if it fails. */
export function runCompiler(words: readonly string[], stderr?: 'inherit' | 'pipe'): void
