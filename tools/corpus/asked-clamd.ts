import { readClamdAddress } from '../../src/scanner/scan/scanners/clamd/clamd-address.ts'
import { askClamd } from '../../src/scanner/scan/scanners/clamd/session-pool.ts'
import type { Ending } from '../../test/programs/host/server.ts'
import { clamdAnswer } from '../../test/programs/servers/clamd.ts'
import { startClamdForEvasions } from '../../test/scanner/scan/scanners/evasions/clamd.ts'
import type { AskedClamd } from './write-corpus.ts'

/** Starts the clamd of this machine, until the test or the tool ends, which knows the hidden files. */
export async function startAskedClamd(t: Ending): Promise<AskedClamd> {
  const { socket } = await startClamdForEvasions(t)
  const asked = await askClamd(readClamdAddress(socket), 'VERSION', AbortSignal.timeout(10_000))
  if (asked.kind !== 'answered') throw new Error(`clamd: ${asked.reason}`)
  return {
    version: asked.reply,
    async scan(message) {
      const result = await clamdAnswer(socket, message)
      if (result.answer === 'clean') return 'clean'
      return result.answer === 'infected' ? result.name : (result.alert ?? result.reason)
    },
  }
}
