import type { SignatureFiles } from './signature-files.ts'

/** The inputs of a verdict in addition to the message. None of them differs between copies. */
export interface Cacheable {
  /** The scanner's name and the settings that it judges by, in one line without blanks. */
  readonly identity: string
  /**
   * Returns the version of the newest signatures that the scanner has, or undefined if it does not know yet,
   * or if a server does not answer within `timeout` milliseconds. Equal texts mean equal signatures, on any
   * host. Two fixed values are possible instead:
   *
   * - `this host's`: the signatures in CLAMDBDIR, whose version is not comparable with that of other hosts.
   * - `not reported`: the scanner does not report its signatures, which may change at any time.
   */
  readonly signatures:
    | "this host's"
    | 'not reported'
    | ((timeout?: number) => Promise<string | undefined>)
  /**
   * Returns the directories of this host from which the scanner loads signatures, or undefined if one of them
   * is not known. Set if the scanner has signatures that may change while the version of the newest ones
   * stays the same.
   */
  readonly loadsFrom?: () => readonly string[] | undefined
  /**
   * Resolves to whether the scanner has loaded all of these signature files. `isSettled` states whether a
   * change of that time is long ago. A scanner without this function has loaded the files when all of
   * them are settled.
   */
  hasLoaded?(
    files: SignatureFiles,
    isSettled: (changed: number | undefined) => boolean,
  ): Promise<boolean>
}
