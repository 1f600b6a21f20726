import { number, text, word } from './kinds.ts'

export const cluster = {
  CLUSTERKEYS: text(undefined, { defaultInWords: '`clusterkeys` in `CONTROLDIR`' }),
  CLUSTERMAXAGE: number(3600, { unit: 'seconds' }),
  CLUSTERPEERS: word(['optional', 'required']),
  CLUSTERPEER: text(undefined, { fromClient: 'about client' }),
}
