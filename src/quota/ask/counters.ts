/** What became of all questions of the doors, since the client was made. */
export interface QuestionCounters {
  /** Of the doors, in all. */
  questions: number
  /** Those that went to a backend; the others were answered from the cache, … */
  asked: number
  cached: number
  /** … by the answer to somebody else who asked at the same time, … */
  shared: number
  /** … or not at all, since the backend does not answer. */
  skipped: number
  room: number
  full: number
  noSuchUser: number
  /** The service said that it cannot tell, or no service is known that could. */
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

/** As one line of `key=value`, names in the log's way: `no_such_user=3`. */
export function countersLine(counters: QuestionCounters): string {
  const pairs = Object.entries(counters).map(([name, count]) => {
    return `${name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}=${count}`
  })
  return `quota ${pairs.join(' ')}`
}
