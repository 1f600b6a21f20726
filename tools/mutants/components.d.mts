/** Components of src/ whose tests a mutation tester asks; globs from the root of the repository. */
export const COMPONENTS: Readonly<Record<string, Component>>
interface Component {
  readonly files: readonly string[]
  readonly tests: readonly string[]
  /** Those that start what was built. */
  readonly builtTests?: readonly string[]
}
export const BUILT_ONLY: readonly string[]

/** Lines of the file with this index, the first and the last one, counted from 1. */
export function stretches(
  lengths: readonly number[],
  oneIn: number,
): { file: number; first: number; last: number }[]
