import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { EICAR } from '../../../../src/scanner/scan/scanners/eicar/eicar.ts'
import { socketDirectory } from '../../../programs/host/socket-directory.ts'
import { clamdMissing, startClamd } from '../../../programs/servers/clamd.ts'
import { closed } from '../../../run/closed.ts'
import { startOnescand } from '../../daemon/process.ts'
import { inStream } from './rig.ts'

/** Many sessions of clamd's clients at once, beside clients that leave: each request has its own answer. */

const SESSIONS = 100
const REQUESTS = 10

const isInfected = (session: number, request: number) => (session * 7 + request * 3) % 4 === 0

/** Contents of many sizes, each another one; their stamp is nobody's. */
const contentOf = (session: number, request: number) =>
  Buffer.from(
    [
      'From: ann@example.org',
      `Subject: ${session}.${request}`,
      'X-SHA256-Cluster-alpha: t=1800000000; h=AAAA',
      '',
      isInfected(session, request) ? EICAR : 'hello',
      'x\n'.repeat((session * request) % 5000),
    ].join('\n'),
  )

/** Sends all requests before it reads an answer. Resolves to the answers, by the number that each names. */
async function askAtOnce(path: string, session: number): Promise<ReadonlyMap<number, string>> {
  const socket = connect(path)
  let received = ''
  socket.on('data', (chunk) => {
    received += chunk.toString('latin1')
  })
  socket.write('zIDSESSION\0')
  for (let request = 0; request < REQUESTS; request++) {
    socket.write(inStream(contentOf(session, request)))
  }
  socket.write('zEND\0')
  await once(socket, 'close')
  const answers = received.split('\0').flatMap((line) => {
    const [, number, answer] = /^(\d+): (.*)$/.exec(line) ?? []
    return number === undefined ? [] : [[Number(number), answer!] as const]
  })
  return new Map(answers)
}

/** Leaves in the middle of a content. */
async function leave(path: string, session: number): Promise<void> {
  const whole = inStream(Buffer.alloc(300_000 + session, 'From: x\n\nabc\n'))
  const socket = connect(path)
  socket.on('error', () => {})
  await once(socket, 'connect')
  socket.write(whole.subarray(0, whole.length >> 1), () => socket.destroy())
  await closed(socket)
}

t.test('each request of each session has its own answer', { skip: clamdMissing }, async (t) => {
  const clamd = await startClamd(t)
  const path = join(socketDirectory(t), 's')
  await startOnescand(t, {
    settings: { QHPSI: 'plugin: clamd', CLAMD: clamd.socket },
    args: ['--clamd', `unix:${path}`],
  })
  const sessions = Array.from({ length: SESSIONS }, (_, session) => session)
  const [answers] = await Promise.all([
    Promise.all(sessions.map((session) => askAtOnce(path, session))),
    Promise.all(sessions.map((session) => leave(path, session))),
  ])
  for (const session of sessions) {
    for (let request = 0; request < REQUESTS; request++) {
      const ending = isInfected(session, request) ? / FOUND$/ : /^stream: OK$/
      t.match(answers[session]!.get(request + 1), ending, `${session}.${request}`)
    }
  }
})
