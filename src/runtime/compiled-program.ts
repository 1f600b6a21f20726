/** Whether this is a program of the compiled onescan, and not one on Node. */
export const isCompiled: boolean = process.versions.bun !== undefined

/**
 * The command that starts another program of the compiled onescan as its launcher
 * (packaging/native/launch.c) would. The environment must be clean of BUN_* already.
 */
export function compiledProgram(name: string): [string, ...string[]] {
  return [process.execPath, 'login', name, process.argv[1] ?? '']
}
