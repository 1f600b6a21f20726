/** Installs what the lock file in `directory` names, unless it is there. Throws where npm fails. */
export function installLocked(directory: string): void
/** Whether each package of the lock file that this machine needs is there, as the file has it. */
export function isInstalled(directory: string): boolean
