/** What is missing, as lines to read, with the command that installs it. */
export function toInstall(packages: readonly string[]): string[]
