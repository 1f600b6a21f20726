import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { plain } from '../../cases/messages.ts'
import { lacks } from '../../needs.mjs'
import { newest } from '../../scanner/daemon/process.ts'
import { headerValues } from '../header-values.ts'
import { socketDirectory } from '../host/socket-directory.ts'
import { mtas, openPassage } from '../servers/milter-mtas.ts'
import { openSmtp } from '../servers/smtp-session.ts'

/** The first rule for content scanners: a queue is the MTA's own. */

const straceMissing = lacks('strace')

/** What an MTA of the tests has of its own, its queue among it. */
const ownDirectory = /onescan-(postfix|sendmail)-/

for (const { name, missing, start } of mtas) {
  t.test(`onescand behind ${name}`, { skip: missing || straceMissing }, async (t) => {
    const trace = join(socketDirectory(t), 'trace')
    const passage = await openPassage(t, start)
    const tracer = ['strace', '-D', '-f', '-qq', '-e', 'trace=%file', '-o', trace]
    await passage.serve(t, { QHPSI: 'plugin: eicar' }, [...tracer, ...newest])

    // promise: rule-1-interface, rule-2-move, rule-4-locks
    t.test('opens no file of the queue', async (t) => {
      const session = await openSmtp(passage.port)
      const large = Buffer.concat([plain, Buffer.alloc(500_000, 'all work and no play\n')])
      for (const message of [plain, large]) {
        const envelope = { from: 'ann@example.net', to: ['ben@example.org'] }
        t.match((await session.send({ ...envelope, message })).data, /^250 /)
        const mail = await passage.receiver.next()
        t.same(headerValues(mail.message, 'X-QHPSI'), ['clean'])
      }
      await session.quit()
      const calls = readFileSync(trace, 'latin1').split('\n')
      t.ok(calls.length > 20, 'what opens, renames, links or removes a file is in the trace')
      t.same(
        calls.filter((call) => ownDirectory.test(call)),
        [],
      )
    })
  })
}
