/** What is missing, as lines to read, with the command that installs it. */
export function toInstall(packages: readonly string[]): string[]
/** Installs what is missing, where that is safe; returns what to tell, a line each. */
export function installPrograms(env: Readonly<Record<string, string | undefined>>): string[]
