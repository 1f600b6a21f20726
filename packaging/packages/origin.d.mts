/** The version and time of packages. */
export interface Origin {
  readonly version: string
  /** The same for a release; between two releases followed by the commit. */
  readonly debianVersion: string
  /** Their time: SOURCE_DATE_EPOCH, by default the time of the commit. */
  readonly seconds: number
}
export function origin(root: string, env?: Readonly<Record<string, string | undefined>>): Origin
export function refuseUnprepared(root: string, version: string): void
export function repositoryAddress(root: string): string
