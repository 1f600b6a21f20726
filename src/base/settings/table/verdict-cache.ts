import { number, text } from './kinds.ts'

const daemon = { readers: ['onescand'] } as const

export const verdicts = {
  VERDICTS: text('memory', { ...daemon, path: 'connects to' }),
  VERDICTPASSWORD: text(undefined, daemon),
  VERDICTSENTINELPASSWORD: text(undefined, daemon),
  VERDICTCA: text(undefined, { ...daemon, defaultInWords: "the system's CAs" }),
  // At most a day: signatures of today may find what yesterday's did not.
  VERDICTMAXAGE: number(3600, { max: 86_400, unit: 'seconds', ...daemon }),
}
