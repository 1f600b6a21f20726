/** Flags of the compiler: the language, and the warnings that are errors. */
export const strict: readonly string[]
/** Flags by which a program ends with a report at undefined behaviour. */
export const sanitized: readonly string[]
