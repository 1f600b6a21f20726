import { once } from 'node:events'
import { connect, type NetConnectOpts } from 'node:net'
import { answerInTime } from '../../lib/flow/timeout.ts'

/**
 * Asks a server one question on a connection of its own. Resolves to what `read` makes of the bytes
 * that come, or to undefined if the server closes before that. Rejects if the server cannot be reached,
 * if `read` throws, and if the answer is not whole within `timeout` milliseconds, however it comes.
 */
export async function askOnce<Reply>(
  address: NetConnectOpts,
  question: Buffer,
  read: (chunk: Buffer) => Reply | undefined,
  timeout: number,
): Promise<Reply | undefined> {
  const socket = connect(address)
  const ask = async () => {
    await once(socket, 'connect')
    socket.write(question)
    for await (const chunk of socket) {
      const reply = read(chunk)
      if (reply !== undefined) return reply
    }
    return undefined
  }
  try {
    return await answerInTime(ask(), timeout)
  } finally {
    socket.on('error', () => {})
    socket.destroy()
  }
}
