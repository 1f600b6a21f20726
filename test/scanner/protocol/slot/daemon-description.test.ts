import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { failure } from '../../../../src/base/check/check-line.ts'
import {
  askForDescription,
  type DaemonDescription,
} from '../../../../src/scanner/protocol/slot/daemon-description.ts'
import { frame } from '../../../../src/scanner/protocol/slot/slot-frames.ts'
import { listen } from '../../../programs/host/listen.ts'
import { socketDirectory } from '../../../programs/host/socket-directory.ts'
import { openSlot } from '../../doors/slot/socket/rig.ts'

/** The question to onescand about itself. */

const description: DaemonDescription = {
  pid: 7,
  args: ['--workers', '2'],
  settings: { QHPSI: 'plugin: eicar' },
  changed: [],
  replaced: [],
}

const wrong = [failure('EICAR', 'came out as clean', 'see its scanners')]
const selfTest = { wrong, doors: ['qmail unix:/s'] }
const describe = async (wantsSelfTest: boolean) =>
  wantsSelfTest ? { ...description, selfTest } : description

t.test('root and its own account learn how it runs, and others that it does', async (t) => {
  const own = process.geteuid!()
  for (const uid of [0, own, own + 1, undefined]) {
    const identifyPeer = () => (uid === undefined ? undefined : { uid, pid: 1 })
    const slot = await openSlot(t, {}, { identifyPeer, describe: describe })
    const isOwn = uid === 0 || uid === own
    t.same(
      await askForDescription(slot.socket, 2000),
      isOwn ? { daemon: description } : {},
      `${uid}`,
    )
    const tried = { daemon: { ...description, selfTest } }
    t.same(
      await askForDescription(slot.socket, 2000, true),
      isOwn ? tried : {},
      `${uid}, with a self-test`,
    )
  }
})

t.test('an answer may come in pieces, and one of another form counts as none', async (t) => {
  const path = join(socketDirectory(t), 's')
  let answer: readonly Buffer[] = []
  let closed: Promise<unknown> | undefined
  const server = createServer((socket) => {
    closed = once(socket.resume(), 'close')
    for (const piece of answer) socket.write(piece)
    if (answer.length === 0) socket.end()
  })
  await listen(t, server, path) // it does not hang up: what it has sent must do
  const answerTo = async (...pieces: readonly Buffer[]) => {
    answer = pieces
    return askForDescription(path, 2000)
  }
  const json = (value: unknown, type = 't') => frame(type, Buffer.from(JSON.stringify(value)))
  const whole = json({ daemon: description })
  t.same(await answerTo(...Array.from(whole, (byte) => Buffer.of(byte))), { daemon: description })
  const huge = Buffer.from([...Buffer.from('t'), 0xff, 0xff, 0xff, 0xff])
  const another = json({ daemon: description }, 'a')
  for (const bytes of [frame('C'), huge, frame('t'), json(null), json([]), another]) {
    t.equal(await answerTo(bytes), undefined)
  }
  t.equal(await answerTo(), undefined, 'it hangs up')
  await closed // and who has asked does not stay
  for (const other of [
    { pid: '7' },
    { args: [1] },
    { settings: { QHPSI: 1 } },
    { changed: 'all' },
    { replaced: 'all' },
    { lostLog: '/dev/null' },
    { selfTest: null },
    { selfTest: { wrong, doors: 'all' } },
    { selfTest: { wrong: ['EICAR'], doors: [] } },
    { selfTest: { wrong: [{ ...wrong[0], level: 'bad' }], doors: [] } },
  ]) {
    t.same(await answerTo(json({ daemon: { ...description, ...other } })), {})
  }
  for (const other of [null, 7, []]) t.same(await answerTo(json({ daemon: other })), {})
})
