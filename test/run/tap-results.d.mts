export interface Case {
  /** Its place in the file: "outer > inner". */
  readonly name: string
  readonly result: 'passed' | 'failed' | 'skipped'
  /** Why it is skipped or not yet done; '' where nothing was said. */
  readonly why: string
  /** What a person needs to see of a failure, line by line. */
  readonly detail: readonly string[]
}

export interface TapReader {
  line(line: string): void
  /** Nothing more comes: what is still open has failed. */
  end(): void
}

export function createTapReader(
  onFile: (file: { readonly name: string; readonly cases: readonly Case[] }) => void,
): TapReader
