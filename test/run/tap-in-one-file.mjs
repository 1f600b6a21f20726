/**
 * tap, bundled: to load its own three hundred files takes more processor time than most test files
 * need besides. It stands where tap looks for frames of its own, to leave them out of a stack.
 */
export const tapInOneFile = new URL('../../node_modules/@tapjs/in-one-file.mjs', import.meta.url)

/** What is there in the place of tap's package async-hook-domain. */
export const tapDomain = new URL('tap-domain.mjs', import.meta.url)
