import { SOCKET } from '../../shared/running-daemons.ts'
import { optionValues } from '../shared/option-values.ts'

/** All addresses at which an onescand with this command line listens, in the form of `--milter`. */
export function listeningAddresses(words: readonly string[]): string[] {
  const socket = optionValues(words, '--socket').at(-1) ?? SOCKET
  const options = ['--milter', '--policy', '--smtp', '--lmtp', '--http']
  return [
    ...(socket === 'none' ? [] : [`unix:${socket}`]),
    ...options.flatMap((option) => optionValues(words, option)),
  ]
}
