/**
 * Asks the tests about each change of these stretches of files, built. Returns what happened to each. `place` is a
 * directory of this run alone. A test file that fails without any change is left out.
 */
export function askBuilt(asked: {
  readonly sample: readonly {
    readonly file: string
    readonly first: number
    readonly last: number
  }[]
  readonly tests: readonly string[]
  readonly place: string
}): Promise<('noticed' | 'missed' | 'unreached')[]>
