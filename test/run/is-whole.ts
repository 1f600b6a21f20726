/**
 * Whether this is `npm run test:all`, which is run each night: all cases on each build, all random
 * mails, whose seeds are the same in each run, and all that takes long. `npm test` takes a part.
 */
export const isWhole = process.env.TESTS === 'all'
