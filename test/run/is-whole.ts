/**
 * Whether this is `npm run test:nightly`, which runs all cases on each build, all random messages (with the same seeds
 * in each run) and all long tests. Other runs take a part of these.
 */
export const isWhole = process.env.TESTS === 'nightly'

/** Returns each so manieth case, or all with `npm run test:nightly`. */
export const sampleOf = <Case>(cases: readonly Case[], stride: number): readonly Case[] =>
  isWhole ? cases : cases.filter((_, n) => n % stride === 0)
