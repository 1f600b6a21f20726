/** Why this machine cannot run a test that needs all of these, for `skip`; false if it can. */
export function lacks(...names: string[]): string | false
/** The absolute path of a program for which a test has asked; throws if none has. */
export function programPath(name: string): string
/** Throws if a test starts a program that a machine may lack, and nothing was asked about it. */
export function refuseUndeclared(word: string): void
/** The Debian packages that this machine lacks, each once; of those for `npm test` if that is all that runs. */
export function missingPackages(isQuick?: boolean): string[]
/** The absolute path of a program in PATH or a system directory; undefined if there is none. */
export function findProgram(name: string): string | undefined
