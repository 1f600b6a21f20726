export interface Case {
  /** Its place in the file: "outer > inner". */
  readonly name: string
  readonly result: 'passed' | 'failed' | 'skipped'
  /** Why it is skipped or not yet done; '' where nothing was said. */
  readonly why: string
  /** What a person needs to see of a failure, line by line. */
  readonly detail: readonly string[]
}

export interface FileResult {
  readonly name: string
  readonly cases: readonly Case[]
  /** Milliseconds; 0 if the file ended too early. */
  readonly time: number
}

export interface TapReader {
  line(line: string): void
  /** Nothing more comes: what is still open has failed. */
  end(): void
}

export function createTapReader(onFile: (file: FileResult) => void): TapReader
