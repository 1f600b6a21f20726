/** The version and time of packages. */
export interface Origin {
  readonly version: string
  /** The same, or with the commit behind it between two releases. */
  readonly debianVersion: string
  /** Their time, of the commit unless SOURCE_DATE_EPOCH sets another. */
  readonly seconds: number
}
export function origin(root: string, env?: Readonly<Record<string, string | undefined>>): Origin
export function refuseUnprepared(root: string, version: string): void
export function repositoryAddress(root: string): string
