import type { Server } from 'node:net'

/**
 * Has a server listen, and resolves when it does. Rejects with the error of listen(2). Later errors, as those
 * of accept(2), are events `error` of the server, which end the process unless somebody listens to them.
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
