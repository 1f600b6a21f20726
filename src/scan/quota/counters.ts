/** The numbers of questions of the doors and of their answers, since the client was made. */
export class QuestionCounters {
  /** All questions of the doors. */
  questions = 0
  /** Questions to backends. */
  asked = 0
  /** Questions that a remembered answer served. */
  cached = 0
  /** Questions that shared the answer of another question at the same time. */
  shared = 0
  /** Questions that were not asked, since their backend rests after a failure. */
  skipped = 0
  room = 0
  full = 0
  noSuchUser = 0
  /** Answers `unknown`, for whatever reason. */
  couldNotTell = 0
  noAnswer = 0
  brokenAnswer = 0
}

/** Returns the counters as one line of `key=value`, with names as in the log: `no_such_user=3`. */
export function countersLine(counters: QuestionCounters): string {
  const pairs = Object.entries(counters).map(([name, count]) => {
    return `${name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}=${count}`
  })
  return `quota ${pairs.join(' ')}`
}
