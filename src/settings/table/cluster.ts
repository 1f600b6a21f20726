import { number, text, word } from './kinds.ts'

export const cluster = {
  CLUSTERKEYS: text(undefined, { defaultInWords: '`control/clusterkeys`' }),
  CLUSTERMAXAGE: number(3600, { unit: 'seconds' }),
  CLUSTERPEERS: word(['optional', 'required']),
  CLUSTERPEER: text(undefined, { fromClient: 'client' }),
}

const daemon = { readers: ['onescand'] } as const

export const verdicts = {
  VERDICTS: text('memory', daemon),
  VERDICTPASSWORD: text(undefined, daemon),
  VERDICTSENTINELPASSWORD: text(undefined, daemon),
  VERDICTCA: text(undefined, { ...daemon, defaultInWords: "the system's CAs" }),
  // At most a day: signatures of today may find what yesterday's did not.
  VERDICTMAXAGE: number(3600, { max: 86_400, unit: 'seconds', ...daemon }),
}
