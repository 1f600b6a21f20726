import { release } from 'node:os'
import t, { type Test } from 'tap'
import { plain } from '../../cases/messages.ts'
import { python } from '../../programs/host/python.ts'
import { ask } from '../doors/slot/socket/client.ts'
import {
  cannotMount,
  connectHostilely,
  descriptors,
  UNWRITTEN,
} from '../doors/slot/socket/hostile-descriptors.ts'
import { socketPath } from '../scan/scanners/clamd/stand-in.ts'
import { childrenOf, runOnescand, runtimes, startOnescand } from './process.ts'

/** The first Linux that refuses descriptors for onescand (SO_PASSRIGHTS). */
const [major, minor] = release().split('.').map(Number) as [number, number]
const isRefused = major > 6 || (major === 6 && minor >= 16)
const settings = { QHPSI: 'plugin: eicar' }

/** Listens on a socket as systemd does, and starts the program with it when it is asked to. */
const activate = `
import os, signal, socket, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen()
sys.stderr.write("listens\\n")
signal.sigwait([signal.SIGUSR1])
signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGUSR1])
os.dup2(s.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execvp(sys.argv[2], sys.argv[2:])`

for (const { name, program } of runtimes) {
  // promise: files-that-never-close
  t.test(
    `${name}: no descriptor of a client stops a worker, or the end of onescand`,
    { skip: cannotMount },
    async (t) => {
      const onescand = await startOnescand(t, { program, settings })
      const workers = childrenOf(onescand.pid)
      const clients = []
      for (const kind of [...descriptors, ...(isRefused ? [UNWRITTEN] : [])]) {
        const question = { variables: settings, message: plain }
        const client = await connectHostilely(onescand.socket, kind)
        clients.push(client)
        t.match(await client.ask(question), /^Ah*a$/, kind)
        t.equal(await client.sent, !isRefused)
        t.equal((await onescand.ask(question)).does, 'hand on', 'the next mail is judged')
      }
      t.same(childrenOf(onescand.pid), workers, 'by the same worker')
      onescand.child.kill('SIGTERM')
      t.equal(await onescand.ended, 0, 'while all files still hang')
      for (const client of clients) await client.end()
    },
  )

  /** Onescand with a socket of systemd's, to which a hostile client has connected before its start. */
  const startLate = async (t: Test) => {
    const socket = socketPath(t)
    const onescand = runOnescand(t, {
      program: [python, '-c', activate, socket, ...program],
      socket: '/nonexistent/s',
      settings,
    })
    await onescand.logged(/listens/)
    const client = await connectHostilely(socket, UNWRITTEN)
    t.teardown(() => client.end())
    const start = async () => {
      process.kill(onescand.pid, 'SIGUSR1')
      await onescand.logged(/serving/)
    }
    return { onescand, socket, client, start }
  }
  const question = { variables: settings, message: plain }
  const skip = cannotMount || (!isRefused && 'needs Linux 6.16')

  // promise: files-that-never-close
  t.test(
    `${name}: a connection from before the start passes none, once it is accepted`,
    { skip },
    async (t) => {
      const { socket, client, start } = await startLate(t)
      await start()
      await ask(socket, question) // who has connected later is answered: the client is accepted
      t.match(await client.ask(question), /^Ah*a$/)
      t.notOk(await client.sent)
    },
  )

  // promise: stopped-worker
  t.test(
    `${name}: what such a client has passed before stops no mail, and no end`,
    { skip },
    async (t) => {
      const { onescand, socket, client, start } = await startLate(t)
      client.ask(question).catch(() => {}) // nobody answers
      t.ok(await client.sent, 'nothing can refuse it yet')
      await start()
      await onescand.logged(/was killed but has not exited: .*; starting another/)
      t.match((await ask(socket, question)).types, /^Ah*a$/)
      onescand.child.kill('SIGTERM')
      t.equal(await onescand.ended, 0, 'while the file still hangs')
    },
  )
}
