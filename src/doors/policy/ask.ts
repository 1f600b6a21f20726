import { once } from 'node:events'
import { connect, type NetConnectOpts } from 'node:net'
import { answerInTime } from '../../ground/flow/deadline.ts'
import { AttributeReader, type Attributes, writeAttributes } from './attributes.ts'

/**
 * Asks a policy service, and resolves with its answer (SMTPD_POLICY_README). Rejects if the service
 * cannot be reached, if the answer makes no sense or has more than REQUEST_MAX bytes, and if it is
 * not whole within `patience` milliseconds, however it comes.
 */
export async function askPolicy(
  address: NetConnectOpts,
  question: Readonly<Record<string, string | number>>,
  patience: number,
): Promise<Attributes> {
  const socket = connect(address)
  const ask = async () => {
    await once(socket, 'connect')
    socket.write(writeAttributes(question))
    const reader = new AttributeReader()
    for await (const chunk of socket) {
      const [answer] = reader.push(chunk)
      if (answer) return answer
    }
    throw new Error('closes the connection')
  }
  try {
    return await answerInTime(ask(), patience)
  } finally {
    socket.on('error', () => {})
    socket.destroy()
  }
}
