import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { lacks } from '../../../../needs.mjs'
import { listen } from '../../../../programs/host/listen.ts'
import { ownDirectoriesMissing } from '../../../../programs/host/own-directories.ts'
import { startOnescand } from '../../../daemon/process.ts'
import { directoryOfOnescand, findingsOn, makeMachine, ONESCAN, putSocket } from '../machine.ts'

/** Other programs in the place of onescand. test/packaging/remedies.test.ts has those at sockets of systemd. */

const missing = lacks('root') || ownDirectoriesMissing

t.test(
  'another program at a port of onescand, which cannot start',
  { skip: missing },
  async (t) => {
    const port = await listen(t, createServer())
    const machine = makeMachine(t)
    machine.write(
      '/etc/default/onescand',
      `ONESCAND_OPTIONS="--smtp inet:127.0.0.1:${port} --next inet:127.0.0.1:9 --http inet:127.0.0.1:9"\n`,
    )
    const found = await findingsOn(machine, '--daemon')
    t.match(found, [
      { level: 'error', what: 'onescand', value: /^does not answer/ },
      {
        level: 'error',
        what: `smtp inet:127.0.0.1:${port}`,
        value: new RegExp(
          `^process ${process.pid} \\(.+\\) listens at 127\\.0\\.0\\.1:${port} instead of onescand$`,
        ),
        remedy: /^stop that process, or set another address with --smtp, then run /,
      },
    ])
    t.equal(found.length, 2)
  },
)

t.test(
  'another program at sockets of an onescand that runs, which closes each connection at once',
  { skip: missing },
  async (t) => {
    const machine = makeMachine(t)
    const directory = directoryOfOnescand(t)
    const daemon = await startOnescand(t, { settings: { QHPSI: 'plugin: eicar' }, uid: ONESCAN })
    putSocket(machine, daemon.socket)
    // Several: whether the process closes before it is asked for is up to the kernel.
    const paths = Array.from({ length: 8 }, (_, index) => join(directory, `${index}.sock`))
    const close = (client: Socket) => client.destroy()
    for (const path of paths) await listen(t, createServer(close), path)
    const options = paths.map((path) => `--milter unix:${path}`).join(' ')
    machine.write('/etc/default/onescand', `ONESCAND_OPTIONS="${options}"\n`)
    const found = await findingsOn(machine, '--daemon')
    const lost = found.filter(({ what }) => what.startsWith('milter unix:'))
    t.match(
      lost,
      paths.map((path) => ({
        level: 'error',
        what: `milter unix:${path}`,
        value: new RegExp(
          `^process ${process.pid} \\(.+\\) listens at ${path} instead of onescand$`,
        ),
      })),
      JSON.stringify(found),
    )
    t.equal(lost.length, paths.length)
  },
)
