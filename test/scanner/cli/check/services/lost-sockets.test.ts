import { createServer } from 'node:net'
import t from 'tap'
import { lacks } from '../../../../needs.mjs'
import { listen } from '../../../../programs/host/listen.ts'
import { ownDirectoriesMissing } from '../../../../programs/host/own-directories.ts'
import { findingsOn, makeMachine } from '../machine.ts'

/** Other programs in the place of onescand. test/packaging/remedies.test.ts has those at sockets of systemd. */

t.test(
  'another program at a port of onescand, which cannot start',
  { skip: lacks('root') || ownDirectoriesMissing },
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
