/** One result of checking a configuration, as `--check` and `onescan check` print it. */
export interface Finding {
  /**
   * How serious the finding is:
   *
   * - ok: no problem.
   * - warning: mail is handled, but perhaps not as expected, for example after `onescan disable`.
   * - error: mail is deferred, or passes unscanned although no setting allows that.
   */
  readonly level: 'ok' | 'warning' | 'error'
  /** The thing: a setting, a program, a file. */
  readonly what: string
  /** The state of the thing. */
  readonly value: string
  /** What the administrator should do about it. */
  readonly remedy?: string
  /** The account that reported the finding, if root did not check it itself. */
  readonly account?: string
  /** What kind of problem this is, for programs, which never parse the text. Not printed. */
  readonly marks?: readonly FindingMark[]
  /** The outcome of a test message, for programs. See onescan(1). */
  readonly mail?: object
  /** The mark of the finding that causes this one. If that finding was printed before, this one is not. */
  readonly follows?: FindingMark
}

type FindingMark =
  /** A setting cannot be read, so that nothing else can be tried. */
  | 'unreadable settings'
  /** The daemon does not start before this is corrected. */
  | 'stops the start'
  /** No mail can be scanned before this is corrected, so a test message would only repeat the finding. */
  | 'nothing scans'
  /** onescan-queue cannot scan without onescand, so a test of that would only repeat the finding. */
  | 'only onescand scans'
  /** No process listens at the socket of a clamd on this host. Its systemd unit may show the reason. */
  | 'clamd does not run'
  /** No setting of onescand decides about infected mail, but a qmail-queue client may send one. */
  | 'infected mail by default'

export const ok = (what: string, value: string): Finding => ({ level: 'ok', what, value })

export const warning = (what: string, value: string, remedy: string): Finding => {
  return { level: 'warning', what, value, remedy }
}

export const failure = (what: string, value: string, remedy: string): Finding => {
  return { level: 'error', what, value, remedy }
}

/** The same finding with more marks. */
export const marked = (finding: Finding, ...marks: readonly FindingMark[]): Finding => ({
  ...finding,
  marks: [...(finding.marks ?? []), ...marks],
})

export const hasMark = ({ marks = [] }: Finding, mark: FindingMark): boolean => marks.includes(mark)

/** Returns the same finding, to be printed only if no finding with this mark was printed before. */
export const following = (finding: Finding, follows: FindingMark): Finding => ({
  ...finding,
  follows,
})

/** The finding about a line `NAME VALUE: fault; remedy`, as the readers of settings write it. */
export function settingsFault(line: string): Finding {
  const at = line.lastIndexOf('; ')
  if (at < 0) return failure('settings', line, 'fix this setting')
  return failure('settings', line.slice(0, at), line.slice(at + 2))
}

/** Returns whether a value that another process sent is a finding. */
export function isFinding(said: unknown): said is Finding {
  const { level, what, value, remedy = '' } = (said ?? {}) as Record<string, unknown>
  const isKnown = level === 'ok' || level === 'warning' || level === 'error'
  return isKnown && [what, value, remedy].every((text) => typeof text === 'string')
}

/** `keyring: /…: mode 0644 …; run chmod 640 on it` */
export const inOneLine = ({ what, value, remedy }: Finding): string =>
  `${what}: ${remedy === undefined ? value : `${value}; ${remedy}`}`
