/** The environment variables of a process. */
export type Environment = Readonly<Record<string, string | undefined>>

/** Whether a variable is set, even to nothing, as qmail reads RELAYCLIENT. */
export function isSet(env: Environment, name: string): boolean {
  return env[name] !== undefined
}
