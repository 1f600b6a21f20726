import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import { Fault } from '../../ground/errors/fault.ts'
import type { ActivatedSocket } from './activated-sockets.ts'
import type { IsAllowed } from './allow-networks.ts'
import type { ServiceCounters } from './counters.ts'
import { datagramFor, readDatagram } from './datagram.ts'
import type { AnswerForName, MailboxFinding } from './mailbox-answer.ts'
import type { ListenAddress } from './options.ts'

export interface UdpServiceOptions {
  readonly answerForName: AnswerForName
  readonly allowed: IsAllowed
  readonly counters: ServiceCounters
}

/** Bytes that the kernel keeps of questions while the program is busy; it may give less. */
const RECEIVE_BUFFER = 4 * 1024 * 1024

/**
 * Answers datagrams. Nothing is said to clients that may not ask, nor to what is no
 * question: nobody else gets more bytes out of it than he put in, but for a few numbers.
 */
export async function serveUdp(
  place: ListenAddress | ActivatedSocket,
  options: UdpServiceOptions,
): Promise<Socket> {
  const { answerForName, allowed, counters } = options
  const socket = createSocket(isSix(place) ? 'udp6' : 'udp4')
  let closed = false
  socket.once('close', () => {
    closed = true
  })

  socket.on('message', (packet, { address, port }: RemoteInfo) => {
    if (!allowed(address)) {
      counters.refused++
      return
    }
    // Port 0 is nobody's: it was forged.
    const question = port === 0 ? undefined : readDatagram(packet)
    if (!question) {
      counters.malformed++
      return
    }
    counters.udp++
    const send = ({ answer }: MailboxFinding) => {
      if (closed) return
      socket.send(Buffer.from(datagramFor(question, answer), 'latin1'), port, address, sent)
    }
    const finding = answerForName(question.user, question.incoming ?? 0)
    if (finding instanceof Promise) finding.then(send)
    else send(finding)
  })

  await new Promise<void>((resolve, reject) => {
    socket.once('error', (error) => {
      reject(new Fault('config', `--udp ${place.text}: ${error.message}`, error))
    })
    if ('fd' in place) socket.bind({ fd: place.fd }, resolve)
    else socket.bind(place.port, place.host, resolve)
  })
  socket.removeAllListeners('error')
  socket.on('error', () => {}) // of one client: the others are served on
  enlarge(socket)
  return socket
}

function isSix(place: ListenAddress | ActivatedSocket): boolean {
  return 'fd' in place ? place.family === 6 : isIPv6(place.host)
}

/** A client that is gone asks again, if it wants to know. */
function sent(): void {}

function enlarge(socket: Socket): void {
  try {
    socket.setRecvBufferSize(RECEIVE_BUFFER)
  } catch {
    // It works with what there is.
  }
}
