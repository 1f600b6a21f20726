import { once } from 'node:events'
import { connect, type NetConnectOpts } from 'node:net'
import { answerInTime } from '../../flow/timeout.ts'

/**
 * Sends a server one request on its own connection. Resolves to the result of `read` from the received bytes,
 * or to undefined if the server closes before that. Rejects if the server cannot be reached, if `read`
 * throws, and if the answer is not complete within `timeout` milliseconds.
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
