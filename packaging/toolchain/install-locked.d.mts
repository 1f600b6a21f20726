/** Installs the packages of the lock file in `directory`, unless they are installed. Throws if npm fails. */
export function installLocked(directory: string): void
/** Installs only these packages of it and their dependencies, perhaps elsewhere and for another processor. */
export function installPart(
  directory: string,
  names: readonly string[],
  where?: { readonly into?: string; readonly cpu?: string },
): void
/** Returns the entries of a lock file that these packages need, by path. */
export function partOf(
  lock: { readonly packages: Readonly<Record<string, unknown>> },
  names: readonly string[],
): Record<string, unknown>
/** Returns whether this machine has each package of the lock file that it needs, in that version. */
export function isInstalled(directory: string): boolean
