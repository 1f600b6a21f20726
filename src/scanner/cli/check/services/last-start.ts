/** The first line of a start, by the run scripts of the package. */
const STARTS = /^(onescand|onescan-quotad): starting$/

/** Returns the lines of the last start that has any, in the log of a run script. */
export function lastStart(lines: readonly string[]): string[] {
  let end = lines.length
  for (;;) {
    const begun = lines.findLastIndex((line, at) => at < end && STARTS.test(line))
    const complaints = lines.slice(begun + 1, end)
    if (begun < 0 || complaints.some((line) => line !== '')) return complaints
    end = begun
  }
}

/**
 * Returns the lines of the last failed attempt to start a service in its journal, or of the last attempt if none has failed.
 * For systemd a unit is left from the end of an attempt on. Its times are whole seconds.
 */
export function lastAttempt(all: readonly string[]): string[] {
  // A failed attempt before a good start is left out.
  const lines = all.slice(all.findLastIndex((line) => /^Started /.test(line)) + 1)
  const failed = lines.findLastIndex((line) => /\.service: Failed with result /.test(line))
  const end = failed < 0 ? lines.length : failed
  const begun = lines.findLastIndex((line, at) => at < end && /^Starting /.test(line))
  return lines.slice(begun + 1, end)
}
