import { execFileSync, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { lacks } from '../../../../needs.mjs'
import { listen } from '../../../../programs/host/listen.ts'
import { socketDirectory } from '../../../../programs/host/socket-directory.ts'
import { childrenOf, startOnescand } from '../../../daemon/process.ts'
import { runSlot, runtimes } from '../../../doors/slot/slot.ts'
import { call, carryOut, framesOf, hearOut } from '../../../doors/slot/socket/client.ts'

/** The connection to clamd on each runtime: how the slot takes what a server does. */

const small = Buffer.from('Subject: x\n\nbody\n')
const large = Buffer.concat([small, Buffer.alloc(5_000_000, 'line of body\n')])

/** Calls back once the whole INSTREAM is here. */
function whenWhole(socket: Socket, then: () => void): void {
  let last = Buffer.alloc(0)
  socket.on('data', (chunk: Buffer) => {
    last = Buffer.concat([last, chunk]).subarray(-4)
    if (last.equals(Buffer.alloc(4))) then()
  })
}

const rows: readonly (readonly [string, (socket: Socket) => void, RegExp])[] = [
  ['answers OK', (s) => whenWhole(s, () => s.end('1: stream: OK\0')), /decision=accept scan=clean/],
  [
    'answers byte by byte',
    (s) =>
      whenWhole(s, async () => {
        for (const byte of Buffer.from('1: stream: Eicar FOUND\0')) {
          if (!s.write(Buffer.of(byte))) await once(s, 'drain')
          await new Promise(setImmediate)
        }
      }),
    /decision=accept scan=infected .*virus=Eicar/,
  ],
  ['closes at once', (s) => s.destroy(), /decision=defer .*(without a reply|cannot connect)/],
  [
    'closes without a reply',
    (s) => whenWhole(s, () => s.end()),
    /decision=defer .*closed the connection without a reply/,
  ],
  [
    'breaks off',
    (s) => whenWhole(s, () => s.end('1: stream: O')),
    /defer .*closed the connection during its reply/,
  ],
  ['never answers', (s) => s.resume(), /decision=defer .*no answer/],
  ['never reads', (s) => s.pause(), /decision=defer .*no answer/],
]

// Two of the rows wait until the scan times out: they wait side by side.
t.jobs = 4

for (const { name, program } of runtimes) {
  for (const [what, serve, log] of rows) {
    t.test(`a clamd that ${what} ${name}`, async (t) => {
      const path = join(socketDirectory(t), 's')
      await listen(t, createServer(serve), path)
      for (const message of [small, large]) {
        const SCANTIMEOUT = what.startsWith('never') ? '2' : '60'
        const settings = { QHPSI: 'plugin: clamd', CLAMD: path, SCANTIMEOUT }
        const run = await runSlot({ program, message, settings })
        t.match(run.logged, log, `${message.length} bytes`)
        t.same(run.left, [])
      }
    })
  }
}

const compiledDaemon = join(import.meta.dirname, '../../../../../build/native/onescand')

for (const { name, program, skip } of [
  { name: 'on Node', program: undefined, skip: false as const },
  {
    name: 'compiled',
    program: [compiledDaemon],
    skip: lacks('the compiled programs'),
  },
]) {
  t.test(`a worker without descriptors defers mail and goes on, ${name}`, { skip }, async (t) => {
    const path = join(socketDirectory(t), 'clamd')
    leaveSocket(path)
    const settings = { QHPSI: 'plugin: clamd', CLAMD: path, SCANTIMEOUT: '1', VERDICTS: 'off' }
    const onescand = await startOnescand(t, { ...(program && { program }), settings })
    await onescand.ask({ variables: settings }) // loads what is loaded once
    const [worker = 0] = childrenOf(onescand.pid)
    const descriptors = () => readdirSync(`/proc/${worker}/fd`).length
    const setLimit = (files: number) =>
      execFileSync('prlimit', ['--pid', String(worker), `--nofile=${files}:1000`])
    /** The number of descriptors once connections that are over have been closed. */
    const settled = async () => {
      for (let last = 0; ; ) {
        if (last === descriptors()) return last
        last = descriptors()
        await new Promise((resolve) => setTimeout(resolve, 200))
      }
    }
    for (const spare of [0, 1, 2, 3]) {
      const before = await settled()
      const calls = await Promise.all(Array.from({ length: 4 }, () => call(onescand.socket)))
      while (descriptors() < before + calls.length) await new Promise(setImmediate)
      setLimit(descriptors() + spare)
      const answers = calls.map((connection) => {
        connection.write(Buffer.concat(framesOf({ variables: settings })))
        return hearOut(connection)
      })
      const heard = await Promise.all(answers)
      setLimit(1000)
      for (const answer of heard) t.equal(carryOut(answer, {}).code, 71, `${spare} spare`)
    }
    t.same(childrenOf(onescand.pid), [worker], 'it is the same worker')
  })
}

/** Leaves a socket at which nothing listens. */
function leaveSocket(path: string): void {
  const code = `require('node:net').createServer().listen(process.argv[1], () => process.abort())`
  spawnSync(process.execPath, ['-e', code, path])
}
