/**
 * Whether this is `npm run test:nightly`, which runs all cases on each build, all random messages (with the same seeds
 * in each run) and all long tests. Other runs take a part of these.
 */
export const isWhole = process.env.TESTS === 'nightly'
