import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import { attempt, errorCode, errorText, Fault } from '../base/errors/fault.ts'
import { listenFaultOf } from '../base/net/endpoint.ts'
import { readQuestionDatagram, replyDatagram } from '../base/protocol/quota/quota-datagrams.ts'
import type { MailboxAnswer, QuotaService } from './mailbox-answer.ts'
import type { ServiceEndpoint } from './quotad-options.ts'

/** Bytes of unread requests that the kernel is asked to keep. It may keep fewer. */
const RECEIVE_BUFFER = 4 * 1024 * 1024

/**
 * Answers datagrams. A client without permission gets no answer, and neither does a datagram that is not a
 * request. An answer is at most a few numbers longer than its request, so that the service cannot be used to
 * flood others. Rejects with a Fault of kind `config` if it cannot listen.
 */
export async function serveUdp(endpoint: ServiceEndpoint, service: QuotaService): Promise<Socket> {
  const { answerForName, mayAsk, counters } = service
  const isOf6 = 'fd' in endpoint ? endpoint.family === 6 : isIPv6(endpoint.host)
  const socket = createSocket(isOf6 ? 'udp6' : 'udp4')
  let isClosed = false
  socket.once('close', () => {
    isClosed = true
  })

  socket.on('message', (packet, { address, port }: RemoteInfo) => {
    if (!mayAsk(address)) {
      counters.refused++
      return
    }
    // No socket has port 0, so the sender of such a datagram is forged.
    const question = port === 0 ? undefined : readQuestionDatagram(packet)
    if (!question) {
      counters.malformed++
      return
    }
    counters.udp++
    const send = ({ answer: reply }: MailboxAnswer) => {
      if (isClosed) return
      const datagram = Buffer.from(replyDatagram(question, reply), 'latin1')
      socket.send(datagram, port, address, () => {}) // a client without an answer repeats its request
    }
    const answer = answerForName(question.user, question.incoming ?? 0)
    if (answer instanceof Promise) answer.then(send)
    else send(answer)
  })

  await new Promise<void>((resolve, reject) => {
    socket.once('error', (error) => {
      const reason = listenFaultOf(errorCode(error)) ?? errorText(error)
      reject(new Fault('config', `--udp ${endpoint.text}: ${reason}`, error))
    })
    if ('fd' in endpoint) socket.bind({ fd: endpoint.fd }, resolve)
    else socket.bind(endpoint.port, endpoint.host, resolve)
  })
  socket.removeAllListeners('error')
  socket.on('error', () => {}) // an error concerns one client. The others are still served
  attempt(() => socket.setRecvBufferSize(RECEIVE_BUFFER)) // it works with a small one, too
  return socket
}
