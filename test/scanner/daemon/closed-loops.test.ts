import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { createFrameReader } from '../../../src/scanner/protocol/slot/slot-frames.ts'
import { freePort } from '../../programs/host/free-port.ts'
import { python, pythonMissing } from '../../programs/host/python.ts'
import { socketDirectory } from '../../programs/host/socket-directory.ts'
import { clamdMissing, startClamd } from '../../programs/servers/clamd.ts'
import { inStream } from '../doors/clamd/rig.ts'
import { everything, negotiation } from '../doors/milter/mta.ts'
import { submitTo } from '../doors/milter/submit.ts'
import { call, framesOf } from '../doors/slot/socket/client.ts'
import { childrenOf, quickest, startOnescand } from './process.ts'

/**
 * Clients that ask again as soon as they have their answer, each time by a new connection. They starve neither
 * others nor themselves. What is asserted are counts.
 */

/** Descriptors beside those of clients: of scanners, and of connections that are accepted in one iteration. */
const OTHERS = 64
/** Messages of an MTA, and heartbeats of the slot, that come through beside a loop. */
const MAILS = 5
const HEARTBEATS = 3

/** Prints the counts of answers, of connections without the right answer, and of those that were reset. */
const CLIENTS = `
import socket, sys, threading
address, count, request, wanted = sys.argv[1], int(sys.argv[2]), bytes.fromhex(sys.argv[3]), bytes.fromhex(sys.argv[4])
place = ('127.0.0.1', int(address)) if address.isdigit() else address
family = socket.AF_INET if address.isdigit() else socket.AF_UNIX
counts = {'answered': 0, 'wrong': 0, 'reset': 0}
lock, is_over = threading.Lock(), threading.Event()
def converse():
    with socket.socket(family) as s:
        s.connect(place)
        s.sendall(request)
        heard = b''
        while wanted not in heard:
            more = s.recv(4096)
            if not more: return 'wrong'
            heard += more
    return 'answered'
def loop():
    while not is_over.is_set():
        try: how = converse()
        except OSError: how = 'reset'
        with lock: counts[how] += 1
threads = [threading.Thread(target=loop) for _ in range(count)]
for thread in threads: thread.start()
print('begun', flush=True)
sys.stdin.read()
is_over.set()
for thread in threads: thread.join()
print(counts['answered'], counts['wrong'], counts['reset'])
`

interface Loop {
  /** Ends the loop. Resolves to the counts. */
  end(): Promise<{ readonly answered: number; readonly wrong: number; readonly reset: number }>
}

async function startLoop(
  t: Test,
  place: string | number,
  clients: number,
  [request, wanted]: readonly [Buffer, Buffer],
): Promise<Loop> {
  const words = [String(place), String(clients), request.toString('hex'), wanted.toString('hex')]
  const child: ChildProcess = spawn(python, ['-c', CLIENTS, ...words], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const ended = once(child, 'close')
  t.teardown(() => child.kill('SIGKILL'))
  let output = ''
  child.stdout!.on('data', (chunk) => {
    output += chunk
  })
  await once(child.stdout!, 'data')
  return {
    async end() {
      child.stdin!.end()
      await ended
      const [answered = 0, wrong = 0, reset = 0] = output.split('\n')[1]!.split(' ').map(Number)
      return { answered, wrong, reset }
    },
  }
}

/** Resolves when a client of the slot that sends no more has heard so many heartbeats. */
async function heartbeats(t: Test, socket: string, count: number): Promise<void> {
  const connection = await call(socket)
  t.teardown(() => connection.destroy())
  const frames = framesOf({ message: Buffer.from('Subject: x\n\nbody\n') })
  connection.write(Buffer.concat(frames.slice(0, -1)))
  const reader = createFrameReader(() => {})
  let heard = 0
  while (heard < count) {
    const [chunk] = (await once(connection, 'data')) as [Buffer]
    reader.push(chunk)
    for (let next = reader.next(); next; next = reader.next()) if (next.type === 'h') heard++
  }
}

const bytes = (text: string) => Buffer.from(text, 'latin1')
/** What a client of each kind sends, and the end of its answer. */
const conversations = {
  'clamd by unix socket': [inStream('PK\x03\x04'), bytes('stream: OK\0')],
  'clamd by TCP': [inStream('PK\x03\x04'), bytes('stream: OK\0')],
  milter: [negotiation(everything), bytes('O')],
  slot: [Buffer.concat(framesOf({})), bytes('a')],
  SMTP: [bytes('QUIT\r\n'), bytes('\r\n221 ')],
  policy: [bytes('request=smtpd_access_policy\n\n'), bytes('action=DUNNO\n\n')],
  HTTP: [bytes('GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'), bytes('200 OK')],
} as const

t.test(
  'clients with continuous requests do not starve others',
  { skip: clamdMissing || pythonMissing },
  async (t) => {
    const clamd = await startClamd(t)
    const directory = socketDirectory(t)
    const unix = (name: string) => `unix:${join(directory, name)}`
    const [tcp, smtp, policy, http] = [await freePort(), await freePort(), await freePort(), await freePort()] // biome-ignore format: a line
    const onescand = await startOnescand(t, {
      program: quickest,
      args: [
        ...['--clamd', unix('clamd'), '--clamd', `inet:127.0.0.1:${tcp}`, '--milter', unix('m')],
        ...['--smtp', `inet:127.0.0.1:${smtp}`, '--next', 'inet:127.0.0.1:9'],
        ...['--policy', `inet:127.0.0.1:${policy}`, '--http', `inet:127.0.0.1:${http}`],
      ],
      settings: { QHPSI: 'plugin: clamd', CLAMD: clamd.socket },
    })
    const places: Readonly<Record<keyof typeof conversations, string | number>> = {
      'clamd by unix socket': join(directory, 'clamd'),
      'clamd by TCP': tcp,
      milter: join(directory, 'm'),
      slot: onescand.socket,
      SMTP: smtp,
      policy,
      HTTP: http,
    }
    const [worker] = childrenOf(onescand.pid)
    const open = () => readdirSync(`/proc/${worker}/fd`).length
    const before = open()
    const kinds = Object.keys(conversations) as (keyof typeof conversations)[]
    const loops = [...kinds.map((kind) => [kind, 16] as const), ['clamd by unix socket', 64] as const] // biome-ignore format: a line
    for (const [kind, clients] of loops) {
      const loop = await startLoop(t, places[kind], clients, conversations[kind])
      let most = 0
      const look = setInterval(() => {
        most = Math.max(most, open())
      }, 10)
      const beats = heartbeats(t, onescand.socket, HEARTBEATS)
      for (let mail = 0; mail < MAILS; mail++) {
        const { outcome } = await submitTo(join(directory, 'm'), { message: bytes('A: b\n\nc\n') })
        if (outcome !== 'delivered') t.fail(outcome)
      }
      await beats
      clearInterval(look)
      const { answered, wrong, reset } = await loop.end()
      const what = `${clients} clients, ${kind}`
      t.comment(`${what}: ${answered} answers, ${most - before} descriptors at most`)
      t.same({ wrong, reset }, { wrong: 0, reset: 0 }, what)
      t.ok(answered > clients, what)
      t.ok(most - before <= clients + OTHERS, `${what}: ${most - before} descriptors`)
    }
    t.same(childrenOf(onescand.pid), [worker], 'by one worker')
  },
)
