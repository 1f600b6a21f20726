import { faultLines } from '../errors/aggregate-fault.ts'
import type { Environment } from '../process/environment.ts'
import { DOS_REMEDY } from '../process/parse-options.ts'
import { isSetting, settingAliases, settingNames } from './table.ts'

/** The values that replace a faulty setting without which no other setting would be read. */
const insteadOf: Environment = { QHPSI: 'plugin: eicar' }

/**
 * Finds all faults in these settings, not only the first that `read` throws: it removes the faulty settings
 * and reads the rest again. The messages of `read` must begin with the setting's name, as those of all
 * readers do.
 */
export async function everyFault(
  env: Environment,
  read: (env: Environment) => unknown,
): Promise<string[]> {
  const found = new Set<string>()
  let rest = env
  for (;;) {
    const lines = await faultsOf(() => read(rest))
    const fresh = lines.filter((line) => !found.has(line))
    const faulty = new Set(fresh.map((line) => /^[A-Z_]+/.exec(line)?.[0] ?? ''))
    for (const line of fresh) found.add(line)
    const mendable = [...faulty].filter((name) => isSetting(name) && rest[name])
    if (mendable.length === 0) return [...found]
    for (const name of mendable) {
      rest = { ...rest, [name]: rest[name] === insteadOf[name] ? undefined : insteadOf[name] }
    }
  }
}

async function faultsOf(call: () => unknown): Promise<readonly string[]> {
  try {
    await call()
    return []
  } catch (error) {
    return faultLines(error)
  }
}

/** CR, which editors on Windows put at the end of each line. */
const CARRIAGE_RETURN = /\r$/

/** Finds values that end in a CR. sh(1) and envdir(8) keep it as a part of the value. */
export function lineEndFaults(env: Environment): string[] {
  return [...settingNames, ...settingAliases]
    .filter((name) => CARRIAGE_RETURN.test(env[name] ?? ''))
    .map((name) => `${name} ${JSON.stringify(env[name])}: ends in a carriage return; ${DOS_REMEDY}`)
}
