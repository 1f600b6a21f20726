/** Rooms of src/ whose tests a mutation tester asks; globs from the root of the repository. */
export const ROOMS: Readonly<
  Record<string, { readonly files: readonly string[]; readonly tests: readonly string[] }>
>
export const BUILT_ONLY: readonly string[]
