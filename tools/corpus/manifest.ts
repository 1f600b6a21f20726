/** `manifest.json` of the corpus. Paths are relative to its folder; a sha256 is in lower-case hex. */
export interface Manifest {
  /** The version of this format. A new field does not change it. */
  readonly manifest: 1
  /** The version of onescan whose tests the messages come from. */
  readonly onescan: string
  /** The reply of clamd to VERSION, or why clamd was not asked. */
  readonly clamd: { readonly version: string } | { readonly missing: string }
  /** The programs that were asked to open each message. */
  readonly readers: readonly string[]
  /** The files that are hidden in the messages. */
  readonly hidden: readonly HiddenFile[]
  readonly messages: readonly ListedMessage[]
}

export interface StoredFile {
  readonly file: string
  readonly size: number
  readonly sha256: string
}

export interface HiddenFile extends StoredFile {
  readonly name: string
}

export interface ListedMessage extends StoredFile {
  /** No two messages have the same. */
  readonly name: string
  /** `ordinary` for the control group, which hides nothing. */
  readonly group: 'hiding' | 'ordinary'
  /** What the message plays with; `ordinary` for that group. */
  readonly kind: string
  /** The names of the hidden files that onescan decodes from it, or of one in two line ends. Empty if not known. */
  readonly hides: readonly string[]
  /** Programs that open the hidden file, if need be with lines in CR LF. Empty if not known. */
  readonly openedBy: readonly string[]
  /** `clean`, or the name that clamd reported. Null if clamd was not asked. */
  readonly clamd: string | null
}
