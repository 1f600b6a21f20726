import { SOCKET } from '../../shared/running-daemons.ts'
import { optionValues } from '../shared/option-values.ts'

/**
 * All addresses at which an onescand with this command line listens, without their kind: paths, and
 * HOST:PORT.
 */
export function listeningAddresses(words: readonly string[]): string[] {
  const addresses = ['--milter', '--policy', '--smtp', '--lmtp', '--http'].flatMap((option) =>
    optionValues(words, option).map((text) => text.replace(/^(?:unix|local|inet6?):/, '')),
  )
  return [optionValues(words, '--socket').at(-1) ?? SOCKET, ...addresses]
}
