import { errorText } from './fault.ts'

/**
 * Several faults in one error. Each fault is a line that names the setting, its value and the
 * remedy.
 */
export class AggregateFault extends Error {
  readonly faults: readonly string[]

  constructor(faults: readonly string[]) {
    super(faults.join('; '))
    this.faults = faults
  }
}

/** Returns the faults of an error, a line each. */
export function faultLines(error: unknown): readonly string[] {
  return error instanceof AggregateFault ? error.faults : [errorText(error)]
}

/** Collects the faults that several readers throw, so that all can be reported at once. */
export class FaultCollector {
  readonly lines: string[] = []

  /** Returns the result of `read`, or `instead` if it throws, and notes the fault. */
  attempt<Value>(read: () => Value, instead: Value): Value {
    try {
      return read()
    } catch (error) {
      for (const line of faultLines(error)) if (!this.lines.includes(line)) this.lines.push(line)
      return instead
    }
  }
}
