/** The numbers of questions of the doors and of their answers, since the client was made. */
export interface QuestionCounters {
  /** All questions of the doors. */
  questions: number
  /** Questions to backends. */
  asked: number
  /** Questions that a remembered answer served. */
  cached: number
  /** Questions that shared the answer of another question at the same time. */
  shared: number
  /** Questions that were not asked, since their backend rests after a failure. */
  skipped: number
  room: number
  full: number
  noSuchUser: number
  /** Answers `unknown`, for whatever reason. */
  couldNotTell: number
  noAnswer: number
  brokenAnswer: number
}

export function createCounters(): QuestionCounters {
  return {
    questions: 0,
    asked: 0,
    cached: 0,
    shared: 0,
    skipped: 0,
    room: 0,
    full: 0,
    noSuchUser: 0,
    couldNotTell: 0,
    noAnswer: 0,
    brokenAnswer: 0,
  }
}

/** Returns the counters as one line of `key=value`, with names as in the log: `no_such_user=3`. */
export function countersLine(counters: QuestionCounters): string {
  const pairs = Object.entries(counters).map(([name, count]) => {
    return `${name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}=${count}`
  })
  return `quota ${pairs.join(' ')}`
}
