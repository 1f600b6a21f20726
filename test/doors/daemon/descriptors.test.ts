import { release } from 'node:os'
import t from 'tap'
import { plain } from '../../cases/messages.ts'
import {
  askHostilely,
  cannotMount,
  descriptors,
  UNWRITTEN,
} from '../slot-socket/hostile-descriptors.ts'
import { childrenOf, runtimes, startOnescand } from './process.ts'

/** The first Linux that refuses descriptors for onescand (SO_PASSRIGHTS). */
const [major, minor] = release().split('.').map(Number) as [number, number]
const isRefused = major > 6 || (major === 6 && minor >= 16)
const settings = { QHPSI: 'plugin: eicar' }

for (const { name, program } of runtimes) {
  t.test(
    `${name}: no descriptor of a client stops a worker, or the end of onescand`,
    { skip: cannotMount },
    async (t) => {
      const onescand = startOnescand(t, { program, settings })
      await onescand.logged(/serving/)
      const workers = childrenOf(onescand.pid)
      const clients = []
      for (const kind of [...descriptors, ...(isRefused ? [UNWRITTEN] : [])]) {
        const question = { variables: settings, message: plain }
        const client = await askHostilely(onescand.socket, kind, question)
        clients.push(client)
        t.match(client.heard, /^Ah*a$/, kind)
        t.equal(client.sent, !isRefused)
        t.equal((await onescand.ask(question)).does, 'hand on', 'the next mail is judged')
      }
      t.same(childrenOf(onescand.pid), workers, 'by the same worker')
      onescand.child.kill('SIGTERM')
      t.equal(await onescand.ended, 0, 'while all files still hang')
      for (const client of clients) await client.end()
    },
  )
}
