import type { Test } from 'tap'
import { type Asked, numbered, standIn } from '../scan/scanners/clamd/stand-in.ts'

/** A server in clamd's place that answers when the test lets it, and the settings of who asks it. */
export async function slowClamd(t: Test) {
  const whole: Asked[] = []
  const { socket } = await standIn(t, (asked) => void whole.push(asked))
  const clamd = {
    settings: { QHPSI: 'plugin: clamd', CLAMD: socket, VERDICTS: 'off' },
    /** The whole messages that have come. */
    whole: whole as readonly Asked[],
    /** Resolves when so many have come, with the last of them. */
    async asked(count = 1): Promise<Asked> {
      while (whole.length < count) await new Promise((resolve) => setTimeout(resolve, 2))
      return whole[count - 1]!
    },
    /** Answers the message of this number as soon as it has come. */
    async answer(number = 1, words = 'OK'): Promise<void> {
      numbered(`stream: ${words}`)(await clamd.asked(number))
    },
  }
  return clamd
}
