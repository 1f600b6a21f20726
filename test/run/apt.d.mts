/** Runs apt-get without questions and without removing packages. */
export function apt(args: readonly string[], directory?: string): { status: number | null }
