import { type Clamd, clamdAnswer } from '../../../test/programs/servers/clamd.ts'
import { judgeMessage } from '../../../test/scanner/scan/scanners/evasions/judge-message.ts'
import { received } from '../../../test/scanner/scan/scanners/second-look/classes.ts'
import type { Readers } from './readers.ts'

/** What scanners and readers make of a message that carries a file. */
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

export function createJudge({ socket }: Clamd, readers: Readers): Judge {
  return async (message, everybody = false) => {
    const { isFound, notes } = await judgeMessage(socket, message)
    const below = Buffer.concat([Buffer.from(received), message])
    const alone = (await clamdAnswer(socket, below)).answer !== 'clean'
    const asked = !isFound || (everybody && !alone)
    const opening = asked ? await readers.opening(message) : []
    const [, odd = ''] = /^odd: (.+)$/m.exec(notes.join('\n')) ?? []
    return { clamd: alone, onescan: isFound, oddities: odd.split(','), readers: opening }
  }
}
