/** Installs what the lock file in `directory` names, unless it is there. Throws where npm fails. */
export function installLocked(directory: string): void
/** The same with these packages of it and what they depend on alone, perhaps elsewhere and for another processor. */
export function installPart(
  directory: string,
  names: readonly string[],
  where?: { readonly into?: string; readonly cpu?: string },
): void
/** The entries of a lock file that these packages need, each by its path. */
export function partOf(
  lock: { readonly packages: Readonly<Record<string, unknown>> },
  names: readonly string[],
): Record<string, unknown>
/** Whether each package of the lock file that this machine needs is there, as the file has it. */
export function isInstalled(directory: string): boolean
