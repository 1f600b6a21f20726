/** One result of checking a configuration, as `--check` and `onescan check` print it. */
export interface CheckLine {
  /**
   * How serious the check line is:
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
  /** The account that reported the check line, if root did not check it itself. */
  readonly account?: string
  /** What kind of problem this is, for programs, which never parse the text. Not printed. */
  readonly marks?: readonly CheckMark[]
  /** The outcome of a test message, for programs. See onescan(1). */
  readonly mail?: object
  /**
   * The marks of check lines that may cause this one. If one of them was printed before, with the remedy, this one is not
   * printed, or only without a remedy if it is the more serious one.
   */
  readonly follows?: readonly CheckMark[]
}

export type CheckMark =
  /** A setting cannot be read, so that nothing else can be tried. */
  | 'unreadable settings'
  /** The daemon does not start before this is corrected. */
  | 'stops the start'
  /** A restart would end onescand before this is corrected. A remedy with one states that. */
  | 'stops a restart'
  /** A mail server does not start before this is corrected. */
  | 'stops the mail server'
  /** The configuration of a mail server does not show that its mail is scanned. */
  | 'mail may be unscanned'
  /** Only the settings of another filter show whether it uses onescand as clamd. */
  | 'may ask clamd'
  /** No mail can be scanned before this is corrected, so a test message would only repeat the check line. */
  | 'nothing scans'
  /** No scanner finds the test virus, so a test message would only repeat the check line. */
  | 'finds no virus'
  /** onescan-queue cannot scan without onescand, so a test of that would only repeat the check line. */
  | 'only onescand scans'
  /** Nothing listens at an address of another program that a mail server uses. It may have been started just now. */
  | 'nothing listens'
  /** The account may not connect to clamd, however long that runs. */
  | 'clamd is closed'
  /** The server to which onescand passes mail does not greet it, so the interface in front of it does not work. */
  | 'next server is down'
  /** No process listens at the socket of a clamd on this host. Its systemd unit may show the reason. */
  | 'clamd does not run'
  /** clamd lacks current signatures of ClamAV. The service that fetches them, on this host, has the remedy. */
  | 'needs signatures'
  /** Mail of local programs is not scanned, as documented, so a test of an infected one would only repeat it. */
  | 'local mail'
  /** A mail server was seen to use a door by which onescand decides about infected mail. */
  | 'onescand acts on mail'
  /** No setting of onescand decides about infected mail, but a qmail-queue client may send one. */
  | 'infected mail by default'

interface Remedied {
  readonly remedy: string
}

export const ok = (what: string, value: string): CheckLine => ({ level: 'ok', what, value })

export const warning = (what: string, value: string, remedy: string): CheckLine => {
  return { level: 'warning', what, value, remedy }
}

export const failure = (what: string, value: string, remedy: string): CheckLine & Remedied => {
  return { level: 'error', what, value, remedy }
}

/** Returns a check line with more marks. */
export const marked = (checkLine: CheckLine, ...marks: readonly CheckMark[]): CheckLine => ({
  ...checkLine,
  marks: [...(checkLine.marks ?? []), ...marks],
})

export const hasMark = ({ marks = [] }: CheckLine, mark: CheckMark): boolean => marks.includes(mark)

/** Returns a check line that follows from one with any of these marks. */
export const following = (checkLine: CheckLine, ...follows: readonly CheckMark[]): CheckLine => ({
  ...checkLine,
  follows,
})

/** The check line about a line `NAME VALUE: fault; remedy`, as the readers of settings write it. */
export function settingsFault(line: string): CheckLine & Remedied {
  const at = line.lastIndexOf('; ')
  if (at < 0) return failure('settings', line, 'correct this setting')
  return failure('settings', line.slice(0, at), line.slice(at + 2))
}

/** Returns whether a value that another process sent is a check line. */
export function isCheckLine(sent: unknown): sent is CheckLine {
  const { level, what, value, remedy = '' } = (sent ?? {}) as Record<string, unknown>
  const isKnown = level === 'ok' || level === 'warning' || level === 'error'
  return isKnown && [what, value, remedy].every((text) => typeof text === 'string')
}

/** `keyring: /…: mode 0644 …; run chmod 640 on it` */
export const inOneLine = ({ what, value, remedy }: CheckLine): string =>
  `${what}: ${remedy === undefined ? value : `${value}; ${remedy}`}`
