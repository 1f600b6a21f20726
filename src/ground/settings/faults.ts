import { errorText } from '../errors/fault.ts'
import type { Environment } from './settings.ts'
import { isSetting, names } from './table.ts'

/** Several faults at once; each is a line that names the thing, its value and the remedy. */
export class SeveralFaults extends Error {
  readonly faults: readonly string[]

  constructor(faults: readonly string[]) {
    super(faults.join('; '))
    this.faults = faults
  }
}

/** The lines of an error. */
export function faultLines(error: unknown): readonly string[] {
  return error instanceof SeveralFaults ? error.faults : [errorText(error)]
}

/** Collects what several readers throw, so that all faults can be reported at once. */
export interface Faults {
  readonly lines: readonly string[]
  /** What `read` returns; `instead` if it throws. */
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

/**
 * A faulty setting is replaced by this value, if nothing else would be read without the setting.
 */
const insteadOf: Environment = { QHPSI: 'plugin: eicar' }

/**
 * All faults that `read` meets in these settings, and not only the first: a faulty setting is taken
 * out, and the rest is read again. `read` must begin its message with the setting's name, as all
 * readers do.
 */
export function everyFault(env: Environment, read: (env: Environment) => unknown): string[] {
  const faults = gatherFaults()
  let rest = env
  // Each round takes one setting out.
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

/** CR, which editors on Windows put at the end of each line. */
const CARRIAGE_RETURN = /\r$/

/** Faults of values that end in a CR; sh(1) and envdir(8) take that as a part of the value. */
export function lineEndFaults(env: Environment): string[] {
  return names
    .filter((name) => CARRIAGE_RETURN.test(env[name] ?? ''))
    .map((name) => `${name} ${JSON.stringify(env[name])}: ends in a carriage return; ${DOS_REMEDY}`)
}

export const DOS_REMEDY =
  "the file that sets it has the line ends of Windows (CR LF): remove them by sed -i 's/\\r$//' FILE"
