import { type Clamd, clamdAnswer } from '../../programs/clamd.ts'
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

export function createJudge(clamd: Clamd, readers: Readers): Judge {
  return async (message, everybody = false) => {
    const { result, oddities } = await judgeMessage(clamd, message)
    const onescan = result.answer !== 'clean'
    const below = Buffer.concat([Buffer.from(received), message])
    const alone = (await clamdAnswer(clamd.socket, below)).answer !== 'clean'
    const asked = !onescan || (everybody && !alone)
    const opening = asked ? await readers.opening(message) : []
    return { clamd: alone, onescan, oddities, readers: opening }
  }
}
