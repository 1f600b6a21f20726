/** Absolute path of a program in PATH or a system directory; undefined where there is none. */
export function findProgram(name: string): string | undefined
/** Programs, or files by their absolute paths, and the Debian package that has each. */
export const needed: Readonly<Record<string, string>>
/** Debian packages that are missing, each once. */
export function missingPackages(): string[]
/** What is missing, as lines to read, with the command that installs it. */
export function toInstall(packages: readonly string[]): string[]
/** Installs what is missing, where that is safe; returns what to tell, a line each. */
export function installPrograms(env: Readonly<Record<string, string | undefined>>): string[]
