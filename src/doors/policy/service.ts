import { createServer, type Socket } from 'node:net'
import { errorCode, errorText } from '../../ground/errors/fault.ts'
import type { Door } from '../shared/door.ts'
import { ConnectionSet } from '../shared/serve.ts'
import { type AccessPolicy, answerRequest } from './access-answer.ts'
import { createAttributeReader } from './attributes.ts'

/**
 * Bytes of answers, besides those in the kernel, that a client may leave unread while it asks on.
 */
const UNTAKEN_MAX = 16 * 1024

export interface PolicyServiceOptions {
  /** Connections at once. If one more comes, the one that has been idle for longest is closed, or else it. */
  readonly maxConnections: number
  /** Logs trouble that concerns no message. */
  readonly log: (line: string) => void
}

/** Postfix's policy delegation (SMTPD_POLICY_README) on whatever the server listens on. */
export function createPolicyService(
  first: AccessPolicy,
  { maxConnections, log }: PolicyServiceOptions,
): Door<AccessPolicy> {
  let policy = first // each request is answered by the policy of its moment
  let closing = false
  /** Connections that wait for a request, in the order of their last one. */
  const idle = new Set<Socket>()
  const connections = new ConnectionSet<Socket>()

  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => socket.destroy())
    if (!makeRoom()) {
      socket.destroy()
      return
    }
    connections.add(socket)
    idle.add(socket)
    socket.on('close', () => {
      idle.delete(socket)
      connections.delete(socket)
    })
    socket.setNoDelay(true)
    converse(socket).catch((error) => {
      // Errors with a code are those of connections that broke, which need no line in the log.
      if (errorCode(error) === '') log(`policy service: ${errorText(error)}; closed the connection`)
      socket.destroy()
    })
  })
  server.on('error', (error) => log(`policy service: ${error.message}`))

  async function converse(socket: Socket): Promise<void> {
    const reader = createAttributeReader()
    // A client that has said all may still wait for its answers.
    for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
      const requests = reader.push(chunk)
      if (requests.length === 0) continue
      idle.delete(socket)
      for (const request of requests) {
        if (socket.destroyed) return // nobody waits for the others
        socket.write(await answerRequest(request, policy))
        if (socket.writableLength > UNTAKEN_MAX) throw new Error('a client takes no answers')
      }
      if (closing) socket.end()
      else if (!socket.destroyed) idle.add(socket)
    }
    socket.end()
  }

  /**
   * Returns whether one more connection may come. If there are too many, the one that has been idle
   * for longest is closed: Postfix asks again on a new one.
   */
  function makeRoom(): boolean {
    if (connections.size < maxConnections) return true
    const [oldest] = idle
    if (oldest === undefined) return false
    idle.delete(oldest)
    connections.delete(oldest)
    oldest.destroy()
    return true
  }

  return {
    server,
    state: () => ({ clients: connections.size, memory: 0 }),
    configure(next) {
      policy = next
    },
    close(grace) {
      closing = true
      server.close()
      for (const socket of idle) socket.destroy()
      return connections.drain(grace, (socket) => socket.destroy())
    },
  }
}
