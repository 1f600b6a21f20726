/** Runs apt-get, asking nothing, removing nothing. */
export function apt(args: readonly string[], directory?: string): { status: number | null }
