/**
 * Bundles tap into one file, because loading its 300 files takes more processor time than most test files themselves. The
 * bundle is in the directory of tap, so that tap recognizes its own frames and omits them from stacks.
 */
export const tapInOneFile = new URL('../../node_modules/@tapjs/in-one-file.mjs', import.meta.url)

/** The replacement for tap's package async-hook-domain. */
export const tapDomain = new URL('tap-domain.mjs', import.meta.url)
