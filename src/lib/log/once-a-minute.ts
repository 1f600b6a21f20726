/** Milliseconds before the log reports the same trouble again. */
const AGAIN_AFTER = 60_000

/**
 * Returns a function that passes lines to `log`: each at most once a minute, and no more than `most` different ones in
 * that time. By default that is the first line alone, for trouble that each of many clients would report again.
 */
export function onceAMinute(log: (line: string) => void, most = 1): (line: string) => void {
  const logged = new Set<string>()
  return (line) => {
    if (logged.has(line) || logged.size >= most) return
    if (logged.size === 0) setTimeout(() => logged.clear(), AGAIN_AFTER).unref()
    logged.add(line)
    log(line)
  }
}
