import { existsSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { bindAt, listenAt } from '../../../src/scanner/daemon/listening/listen.ts'
import { lacks } from '../../needs.mjs'
import { becomePlain } from '../../programs/host/plain-account.ts'
import { socketDirectory } from '../../programs/host/socket-directory.ts'

/** How onescand makes a unix socket. */

becomePlain()

const options = { mode: 0o660, group: undefined, option: '--test' }

t.test('while a socket is made, what else is made has its usual mode', async (t) => {
  const path = join(socketDirectory(t), 's')
  const server = createServer()
  t.teardown(() => server.close())
  const usual = process.umask()
  let meanwhile: number | undefined
  let mode: number | undefined
  const { listen } = server
  server.listen = ((...args: Parameters<typeof listen>) => {
    queueMicrotask(() => {
      meanwhile = process.umask()
      mode = statSync(path).mode
    })
    return listen.apply(server, args)
  }) as typeof listen
  await listenAt(server, { kind: 'unix', path }, options)
  t.equal(meanwhile, usual)
  t.equal(mode! & 0o777, 0, 'and nobody can connect yet')
  t.equal(statSync(path).mode & 0o777, 0o660)
})

t.test(
  'a socket that cannot have its group is closed and removed, and can be made again',
  { skip: lacks('the addon') },
  async (t) => {
    const path = join(socketDirectory(t), 's')
    const address = { kind: 'unix', path } as const
    const ofOthers = { ...options, group: 0 }
    const server = createServer()
    t.teardown(() => server.close())
    for (const attempt of ['first', 'second']) {
      await t.rejects(listenAt(server, address, ofOthers), /--test .*not permitted/, attempt)
      t.notOk(server.listening)
      t.notOk(existsSync(path))
      await t.rejects(bindAt(address, ofOthers), /--test .*not permitted/, attempt)
      t.notOk(existsSync(path))
    }
    await listenAt(server, address, options)
  },
)
