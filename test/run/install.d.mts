/** Returns the missing packages as text, with the command that installs them. */
export function toInstall(packages: readonly string[]): string[]
