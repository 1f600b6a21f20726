import type { Server } from 'node:net'

/**
 * Makes a server listen, and resolves when it does. Rejects with the error of listen(2). Later errors, such
 * as those of accept(2), are `error` events of the server, which end the process unless a listener is
 * registered.
 */
export function untilListening(
  server: Server,
  listen: (onListening: () => void) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    listen(() => {
      server.off('error', reject)
      resolve()
    })
  })
}
