/** What ends with `close`, after `error` or without. */
interface Closing {
  readonly closed: boolean
  once(event: 'close', listener: () => void): unknown
}

/**
 * Resolves when a socket is closed, whether its peer has ended or reset it: which of the two, depends on what the peer
 * has read by then. events.once() rejects at a reset.
 */
export function closed(socket: Closing): Promise<void> {
  if (socket.closed) return Promise.resolve()
  return new Promise((resolve) => socket.once('close', resolve))
}
