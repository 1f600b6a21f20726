import { errorText } from '../runtime/fault.ts'
import type { Environment } from './settings.ts'
import { isSetting, names } from './table.ts'

/** Several things that are wrong at once; each is a line that names the thing, its value and the remedy. */
export class SeveralFaults extends Error {
  readonly faults: readonly string[]

  constructor(faults: readonly string[]) {
    super(faults.join('; '))
    this.faults = faults
  }
}

/** The lines of what was thrown. */
export function faultLines(error: unknown): readonly string[] {
  return error instanceof SeveralFaults ? error.faults : [errorText(error)]
}

/** What reading one thing after the other throws, so that all of it can be told at once. */
export interface Faults {
  readonly lines: readonly string[]
  /** What `read` returns, or `instead` if it throws. */
  attempt<Value>(read: () => Value, instead: Value): Value
}

export function gatherFaults(): Faults {
  const lines: string[] = []
  return {
    lines,
    attempt(read, instead) {
      try {
        return read()
      } catch (error) {
        for (const line of faultLines(error)) if (!lines.includes(line)) lines.push(line)
        return instead
      }
    },
  }
}

/** What is read in the place of one that is wrong, where without it nothing else would be read. */
const insteadOf: Environment = { QHPSI: 'plugin: eicar' }

/**
 * Every fault that `read` meets in these settings, and not the first alone: a setting that is at
 * fault is taken out, and the rest is read again. `read` names the setting first, as all readers do.
 */
export function everyFault(env: Environment, read: (env: Environment) => unknown): string[] {
  const faults = gatherFaults()
  let rest = env
  // Each round takes one out.
  for (let left = names.length; left >= 0; left--) {
    const before = faults.lines.length
    faults.attempt(() => void read(rest), undefined)
    const fault = faults.lines[before]
    if (fault === undefined) break
    const name = /^[A-Z_]+/.exec(fault)?.[0] ?? ''
    if (!isSetting(name) || !rest[name]) break
    rest = { ...rest, [name]: rest[name] === insteadOf[name] ? undefined : insteadOf[name] }
  }
  return [...faults.lines]
}

/** CR, which an editor on Windows puts before the end of each line. */
const CARRIAGE_RETURN = /\r$/

/** Faults of values that end as lines of Windows do; sh(1) and envdir(8) take that for a part of the value. */
export function lineEndFaults(env: Environment): string[] {
  return names
    .filter((name) => CARRIAGE_RETURN.test(env[name] ?? ''))
    .map((name) => `${name} ${JSON.stringify(env[name])}: ends in a carriage return; ${DOS_REMEDY}`)
}

export const DOS_REMEDY =
  "the file that sets it has the line ends of Windows (CR LF): remove them by sed -i 's/\\r$//' FILE"
