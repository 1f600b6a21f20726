import { readClamdAddress } from '../../../src/scan/scanners/clamd/address.ts'
import { scanStream } from '../../../src/scan/scanners/clamd/sessions.ts'
import type { Clamd } from '../../programs/clamd.ts'
import { received } from '../../scan/scanners/second-look/classes.ts'
import { judgeMessage } from './evasions.ts'
import type { Readers } from './readers.ts'

/** What scanners and readers make of a mail that carries a file. */
export interface Judgement {
  /** Whether clamd, given the mail below a Received field, does not call it clean. */
  readonly clamd: boolean
  /** Whether onescan, with its default settings and that clamd, does not. */
  readonly onescan: boolean
  readonly oddities: readonly string[]
  /** Those that open the file; not asked, and empty, where onescan found it. */
  readonly readers: readonly string[]
}

/** With `everybody`, readers are asked whenever clamd alone finds nothing. */
export type Judge = (message: Buffer, everybody?: boolean) => Promise<Judgement>

const FIRST = Buffer.from(received)

export function createJudge(clamd: Clamd, readers: Readers): Judge {
  const address = readClamdAddress(clamd.socket)

  async function isFound(chunks: Iterable<Buffer>): Promise<boolean> {
    const outcome = await scanStream(address, { chunks: () => chunks }, AbortSignal.timeout(60_000))
    if (outcome.kind !== 'answered') throw new Error(`clamd: ${outcome.why}`)
    return outcome.answer.answer !== 'clean'
  }

  return async (message, everybody = false) => {
    const { result, oddities } = await judgeMessage(clamd, message)
    const onescan = result.answer !== 'clean'
    const alone = await isFound([FIRST, message])
    const asked = !onescan || (everybody && !alone)
    const opening = asked ? await readers.opening(message) : []
    return { clamd: alone, onescan, oddities, readers: opening }
  }
}
