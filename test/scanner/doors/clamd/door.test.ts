import { connect } from 'node:net'
import t from 'tap'
import { EICAR } from '../../../../src/scanner/scan/scanners/eicar/eicar.ts'
import { bytes } from '../../../cases/case.ts'
import { plain } from '../../../cases/messages.ts'
import {
  type Clamd,
  clamdMissing,
  EICAR_NAME,
  startClamd,
} from '../../../programs/servers/clamd.ts'
import { closed } from '../../../run/closed.ts'
import { startClamdForEvasions } from '../../scan/scanners/evasions/clamd.ts'
import { hiddenClasses } from '../../scan/scanners/second-look/classes.ts'
import { inStream, openClamdDoor, streamed } from './rig.ts'

/** The door for programs that ask clamd. */

const skip = { skip: clamdMissing }
const by = ({ socket }: Clamd) => ({ QHPSI: 'plugin: clamd', CLAMD: socket })
const infected = bytes(`Subject: x\n\n${EICAR}\n`)

/** All that clamd itself answers to these bytes. */
async function askedDirectly({ tcp }: Clamd, request: Buffer): Promise<string> {
  const socket = connect(Number(tcp.split(':')[1]))
  socket.write(request)
  let heard = ''
  socket.on('data', (chunk) => {
    heard += chunk.toString('latin1')
  })
  socket.on('error', () => {})
  await closed(socket)
  return heard
}

const inSession = (...requests: readonly (Buffer | string)[]) =>
  Buffer.concat(
    ['zIDSESSION\0', ...requests, 'zEND\0'].map((request) =>
      Buffer.from(request as string, 'latin1'),
    ),
  )

/** What is answered to the letter as clamd does. */
const asClamd: Readonly<Record<string, Buffer | string>> = {
  'PING with a NUL': 'zPING\0',
  'PING with a newline': 'nPING\n',
  'PING in the old form': 'PING\n',
  'PING as a packet': 'PING',
  'PING with CR LF': 'nPING\r\n',
  'half a word as a packet': 'PIN',
  'the commands': 'zVERSIONCOMMANDS\0',
  'new signatures': 'zRELOAD\0',
  'new signatures as a packet': 'RELOAD',
  'a look at the signatures': 'nSELFCHECK\n',
  'statistics that clamd has no more': 'zDETSTATS\0',
  'the version': 'zVERSION\0',
  'the version in the old form': 'VERSION\n',
  'two commands without a session': 'zPING\0zVERSION\0',
  'a command that nobody knows': 'zFOO\0',
  'the same in the old form': 'FOO\n',
  'small letters': 'zping\0',
  'a word too much': 'zPING x\0',
  nothing: 'z\0',
  'an empty line': '\n',
  'INSTREAM in the old form': 'INSTREAM\n',
  'a new command in the old form': 'STATS\n',
  'END without a session': 'zEND\0',
  'a clean stream': inStream('hello'),
  'a clean mail': inStream(plain),
  'a virus': inStream(EICAR),
  'a virus in a mail': inStream(infected),
  'a stream that ends in a newline': Buffer.concat([bytes('nINSTREAM\n'), streamed(EICAR)]),
  'a stream of nothing': inStream(''),
  'chunks of one byte': inStream(infected, 1),
  'a length of 2^32-1': bytes('zINSTREAM\0\xff\xff\xff\xffabc'),
  'two streams without a session': Buffer.concat([inStream('a'), inStream(EICAR)]),
  'one more IDSESSION': 'zIDSESSION\0zIDSESSION\0',
  'what no session has': inSession('zFOO\0'),
  'a session of one PING': inSession('zPING\0'),
  'a session of nothing': inSession(),
  'FILDES by TCP': 'zFILDES\0\0',
}

t.test('clients receive the exact replies of clamd', skip, async (t) => {
  const clamd = await startClamd(t, { tcp: true })
  const door = await openClamdDoor(t, by(clamd), { byTcp: true })
  for (const [what, request] of Object.entries(asClamd)) {
    const words = Buffer.from(request as string, 'latin1')
    t.equal(await door.ask(words), await askedDirectly(clamd, words), what)
  }
})

t.test('requests of a session are answered by their numbers', skip, async (t) => {
  const clamd = await startClamd(t)
  const door = await openClamdDoor(t, by(clamd))
  const replies = await door.ask(
    inSession('zPING\0', inStream(infected), 'nVERSION\n', inStream(plain), 'zVERSIONCOMMANDS\0'),
  )
  const version = await door.ask('zVERSION\0')
  t.match(version, /^ClamAV 1\..*\0$/)
  t.same(
    new Set(replies.split(/[\0\n]/)),
    new Set([
      '1: PONG',
      `2: stream: ${EICAR_NAME} FOUND`,
      `3: ${version.slice(0, -1)}`,
      '4: stream: OK',
      `5: ${(await door.ask('zVERSIONCOMMANDS\0')).slice(0, -1)}`,
      '',
    ]),
  )
})

t.test('files are found in mail in which clamd alone does not see them', skip, async (t) => {
  const clamd = await startClamdForEvasions(t)
  const door = await openClamdDoor(t, by(clamd))
  let hidden = 0
  for (const { name, message, seenByClamd } of hiddenClasses.slice(0, 20)) {
    t.match(await door.ask(inStream(message)), /^stream: \S+ FOUND\0$/, name)
    if (seenByClamd === undefined) hidden++
  }
  t.ok(hidden > 10)
})
