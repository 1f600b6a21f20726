import { number, text, word } from './kinds.ts'

export const cluster = {
  CLUSTERKEYS: text(undefined, 'the keyring', { defaultInWords: 'control/clusterkeys' }),
  CLUSTERMAXAGE: number(3600, 'seconds after which a stamp vouches for nothing', {
    unit: 'seconds',
  }),
  CLUSTERPEERS: word(
    ['optional', 'required'],
    '`required` trusts stamps only from marked connections; `optional` from all',
  ),
  CLUSTERPEER: text(undefined, 'the mark; set, even if empty', { fromClient: 'client' }),
}

const daemon = { readers: ['onescand'] } as const

export const verdicts = {
  VERDICTS: text(
    'memory',
    'where verdicts for copies of a message are remembered: `memory`, `off`, or a store that hosts share (`valkey://...`)',
    daemon,
  ),
  POISONTRIES: number(
    3,
    'scans that a message may kill or outlast in a day; after that it is not scanned for an hour',
    { max: 100, ...daemon },
  ),
  VERDICTPASSWORD: text(undefined, 'file with the password of that store', daemon),
  VERDICTSENTINELPASSWORD: text(undefined, 'file with that of its sentinels', daemon),
  VERDICTCA: text(undefined, 'file with certificates for it', {
    ...daemon,
    defaultInWords: "the system's",
  }),
  VERDICTTIMEOUT: number(20, 'milliseconds that a message waits for that store', {
    min: 1,
    max: 1000,
    unit: 'milliseconds',
    ...daemon,
  }),
  // At most a day: signatures of today may find what yesterday's did not.
  VERDICTMAXAGE: number(3600, 'seconds for which verdicts are remembered', {
    max: 86_400,
    unit: 'seconds',
    ...daemon,
  }),
}
