/** Milliseconds in which few lines are logged. */
const MINUTE = 60_000

/**
 * Returns a function that passes lines about the state of one thing to `log`: each at once, up to `most` in a minute. Of
 * further lines only the last one is passed on, when the minute ends, unless it repeats the last logged line. So a
 * state that changes all the time fills no log, and the log ends with the present state.
 */
export function limitChanges(log: (line: string) => void, most: number): (line: string) => void {
  let passed = 0
  let last: string | undefined
  let waiting: string | undefined
  const pass = (line: string) => {
    if (passed++ === 0) setTimeout(startAgain, MINUTE).unref()
    last = line
    log(line)
  }
  const startAgain = () => {
    const line = waiting
    passed = 0
    waiting = undefined
    if (line !== undefined && line !== last) pass(line)
  }
  return (line) => {
    if (passed < most) pass(line)
    else waiting = line
  }
}
