import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'

/** Below the ports that Linux gives to connections and to servers that ask for none. */
const [FIRST, END] = [10_000, 32_768]

/**
 * Resolves to a TCP port of 127.0.0.1 on which nothing listens at the moment. No other test is given
 * it by chance while a server that is tried on it is down.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(FIRST, END)
    const server = createServer().listen(port, '127.0.0.1')
    if (await isListening(server)) {
      server.close()
      await once(server, 'close')
      return port
    }
  }
}

async function isListening(server: ReturnType<typeof createServer>): Promise<boolean> {
  try {
    await once(server, 'listening')
    return true
  } catch {
    return false // somebody has it
  }
}
