/** Absolute path of a program in PATH or a system directory; undefined where there is none. */
export function findProgram(name: string): string | undefined
/** Debian packages that are missing, each once. */
export function missingPackages(): string[]
/** Installs what is missing, where that is safe; returns what to tell, a line each. */
export function installPrograms(env: Readonly<Record<string, string | undefined>>): string[]
