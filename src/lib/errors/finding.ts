/** What a look at one thing of a set-up found: `--check` and `onescan check` print it. */
export interface Finding {
  /**
   * ok; warning: mail is handled, but perhaps not as people expect, as after `onescan disable`;
   * error: mail is deferred, or passes unscanned without anybody having asked for that.
   */
  readonly level: 'ok' | 'warning' | 'error'
  /** The thing: a setting, a program, a file. */
  readonly what: string
  /** What is true of the thing. */
  readonly value: string
  /** What to do about it, in the words of a colleague. */
  readonly remedy?: string
  /** The account whose word it is, if root did not look itself. */
  readonly account?: string
  /** What it is and what comes of it, for programs: nobody reads that back out of its words. Not printed. */
  readonly marks?: readonly FindingMark[]
  /** What became of a mail for trial, for programs: onescan(1). */
  readonly mail?: object
  /** The mark of the finding that causes this one: if that was told before, this one is not. */
  readonly follows?: FindingMark
}

type FindingMark =
  /** A setting cannot be read, so that nothing else can be tried. */
  | 'unreadable settings'
  /** The daemon does not start before this is corrected. */
  | 'stops the start'
  /** No mail can be scanned before this is corrected, so mail for trial would only say it again. */
  | 'nothing scans'
  /** The slot cannot scan by itself, so a trial of that would only say it again. */
  | 'only onescand scans'
  /** Nobody listens at the socket of a clamd of this host: its unit may say why. */
  | 'clamd does not run'
  /** No setting says what becomes of infected mail: a slot may have one. */
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

/** The same finding, which is told only if none with this mark was. */
export const following = (finding: Finding, follows: FindingMark): Finding => ({
  ...finding,
  follows,
})

/** The finding about a line `NAME VALUE: fault; remedy`, as the readers of settings write it. */
export function settingsFault(line: string): Finding {
  const at = line.lastIndexOf('; ')
  if (at < 0) return failure('settings', line, 'correct it')
  return failure('settings', line.slice(0, at), line.slice(at + 2))
}

/** Whether another process has said a finding. */
export function isFinding(said: unknown): said is Finding {
  const { level, what, value, remedy = '' } = (said ?? {}) as Record<string, unknown>
  const isKnown = level === 'ok' || level === 'warning' || level === 'error'
  return isKnown && [what, value, remedy].every((text) => typeof text === 'string')
}

/** `keyring: /…: mode 0644 …; chmod 640 it` */
export const inOneLine = ({ what, value, remedy }: Finding): string =>
  `${what}: ${remedy === undefined ? value : `${value}; ${remedy}`}`

/** 0 if all is ok, 1 with warnings, 2 with errors. */
export function exitCodeOf(findings: readonly Finding[]): number {
  if (findings.some(({ level }) => level === 'error')) return 2
  return findings.some(({ level }) => level === 'warning') ? 1 : 0
}
