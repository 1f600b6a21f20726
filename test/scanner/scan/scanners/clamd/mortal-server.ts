import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { python } from '../../../../programs/host/python.ts'
import { type Ending, type Server, startServer } from '../../../../programs/host/server.ts'
import { type Asked, numbered, standIn } from './stand-in.ts'

/** The body of a message at which a mortal server dies. */
export const POISON = 'poison'

interface MortalServerOptions {
  /** The number of messages that it gathers, to die with all of them, whatever they are. */
  readonly diesWith?: number
  /** Whether another process keeps its socket, as systemd does: it has not listened itself. */
  readonly isKept?: boolean
}

/**
 * Starts a server in clamd's place in a process of its own, which kills itself when it has a message with POISON,
 * and calls every other one clean. It writes `asked`, with the number of messages that wait for it then.
 */
export function startMortalServer(
  t: Ending,
  socket: string,
  { diesWith = 0, isKept = false }: MortalServerOptions = {},
): Promise<Server> {
  const place = isKept ? '3' : socket
  const program = [process.execPath, import.meta.filename, place, String(diesWith)]
  const keeper = [python, join(import.meta.dirname, 'kept-socket.py'), socket]
  rmSync(socket, { force: true }) // one that died has left it
  const command = isKept ? [...keeper, ...program] : program
  return startServer(command, /^listens$/).then((server) => {
    t.teardown(() => server.stop())
    return server
  })
}

async function serve(place: string | { readonly fd: number }, diesWith: number): Promise<void> {
  let waiting: Asked[] = []
  const answer = (asked: Asked) => {
    waiting.push(asked)
    console.log(`asked ${waiting.length}`)
    if (waiting.length < diesWith) return
    if (diesWith > 0 || asked.message.includes(POISON)) process.kill(process.pid, 'SIGKILL')
    numbered('stream: OK')(asked)
    waiting = []
  }
  const untilKilled = { teardown() {} }
  await standIn(untilKilled, answer, { version: () => 'ClamAV 1.4.3', place })
  console.log('listens')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [place = '', diesWith] = process.argv.slice(2)
  await serve(place === '3' ? { fd: 3 } : place, Number(diesWith))
}
