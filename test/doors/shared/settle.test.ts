import t from 'tap'
import { readConfiguration } from '../../../src/doors/shared/configuration.ts'
import { startJudging } from '../../../src/doors/shared/judging.ts'
import { settle } from '../../../src/doors/shared/settle.ts'
import { Fault } from '../../../src/ground/errors/fault.ts'
import { Budget } from '../../../src/ground/flow/memory-budget.ts'
import { makeEnvelope } from '../../../src/mail/message/envelope/envelope.ts'
import { Intake } from '../../../src/mail/message/intake.ts'
import { HostMemory } from '../../../src/scan/verdicts/host-memory.ts'
import { readQuarantine } from '../../cases/kept.ts'
import { buildStage } from '../../cases/stage.ts'

/** How a message is settled for all doors. */

for (const recipients of [['b@keep.example'], ['b@keep.example', 'c@skip.example']]) {
  t.test(
    `nothing stays kept if the client leaves meanwhile: ${recipients.length} recipients`,
    async (t) => {
      const stage = buildStage()
      t.teardown(stage.remove)
      const policy = stage.file('control/onescan.policy', 'to=skip.example scan off\n')
      const CONTROLDIR = policy.slice(0, policy.lastIndexOf('/'))
      const { scanner: QHPSI, quarantine: QUARANTINE } = stage
      const env = { PATH: process.env.PATH ?? '', CONTROLDIR, QHPSI, QUARANTINE }
      const configuration = await readConfiguration(env, () => {}, new HostMemory())
      t.teardown(configuration.close)
      const judging = startJudging(configuration)
      if (judging.kind !== 'judge') throw new Error(judging.why)
      for (const leaves of [false, true]) {
        const intake = new Intake(judging.messageOptions, new Budget(1e6).open())
        intake.write(Buffer.from(`Subject: x\n\nVIRUS ${leaves}\n`))
        const message = intake.finish()
        t.teardown(() => message.close())
        const bytes = (text: string) => Buffer.from(text)
        const envelope = makeEnvelope(bytes('a@example.net'), recipients.map(bytes))
        const client = { relay: false, clusterPeer: false, bounceInjector: false }
        const transaction = { message, envelope, client } as Parameters<typeof settle>[0]
        const gone = new AbortController()
        const settled = settle(transaction, judging.site, {
          answers: 'each',
          gone: gone.signal,
          about() {
            if (leaves) gone.abort() // it is asked for when the message is about to be kept
            return { door: [], remote: undefined, transaction, total: 0 }
          },
        })
        if (leaves)
          await t.rejects(settled, new Fault('read', 'the connection ended before the answer'))
        else t.match(await settled, { kind: recipients.length > 1 ? 'split' : 'quarantine' })
        t.equal((await readQuarantine(stage.quarantine)).length, 1, 'the one that was waited for')
      }
    },
  )
}
