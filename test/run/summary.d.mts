/** One or two lines of a failure; `detail` is that of a `Case`. */
export function gistOf(detail: readonly string[]): string[]

/** Names of the test files in which something failed. */
export function failedFiles(
  results: readonly {
    readonly name: string
    readonly cases: readonly { readonly result: string }[]
  }[],
): string[]

/** Milliseconds as "12.3 s". */
export function seconds(time: number): string

/** How long all of it took, and the files that took longest; times are milliseconds. */
export function timeLines(
  total: number,
  files: readonly { readonly name: string; readonly time: number }[],
  count?: number,
): string[]
