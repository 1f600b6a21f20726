/**
 * Whether this is `npm run test:nightly`: all cases on each build, all random
 * messages, whose seeds are the same in each run, and all that takes long. Other runs take a part.
 */
export const isWhole = process.env.TESTS === 'nightly'
