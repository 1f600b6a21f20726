import type { Socket } from 'node:net'
import type { Test } from 'tap'
import { standIn } from '../scan/scanners/clamd/stand-in.ts'

/** A server in clamd's place that answers when it is told to, and the settings of who asks it. */
export async function slowClamd(t: Test) {
  const whole: Socket[] = []
  const { socket } = await standIn(t, (connection) => void whole.push(connection))
  const clamd = {
    settings: { QHPSI: 'plugin: clamd', CLAMD: socket, VERDICTS: 'off' },
    /** The connections by which whole messages have come. */
    whole: whole as readonly Socket[],
    /** Resolves when so many have come, with the last of them. */
    async asked(count = 1): Promise<Socket> {
      while (whole.length < count) await new Promise((resolve) => setTimeout(resolve, 2))
      return whole[count - 1]!
    },
    /** Answers the message of this number as soon as it has come. */
    async answer(number = 1, words = 'OK'): Promise<void> {
      const connection = await clamd.asked(number)
      connection.end(`stream: ${words}\0`)
    },
  }
  return clamd
}
