export interface Case {
  /** Its name in the file: "outer > inner". */
  readonly name: string
  readonly result: 'passed' | 'failed' | 'skipped'
  /** The reason why it is skipped or to be done; '' without a reason. */
  readonly why: string
  /** The lines about a failure. */
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
  /** Ends the input: subtests that are still open have failed. */
  end(): void
}

export function createTapReader(onFile: (file: FileResult) => void): TapReader
