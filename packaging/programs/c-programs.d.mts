/** Flags of the compiler: the language, and the warnings that are errors. */
export const strict: readonly string[]
/** Flags by which a program ends with a report at undefined behaviour. */
export const sanitized: readonly string[]
/** Runs a compiler in the checkout; throws if it fails. */
export function runCompiler(words: readonly string[], stderr?: 'inherit' | 'pipe'): void
