/**
 * Whether this is `npm run test:all`: every case on every build of a program, and all of the
 * random mails, whose seeds are the same in each run. `npm test` takes a part of both.
 */
export const isWhole = process.env.CASES === 'all'
