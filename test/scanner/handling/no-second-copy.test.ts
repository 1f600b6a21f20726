import t from 'tap'
import { Fault } from '../../../src/base/errors/fault.ts'
import { Budget } from '../../../src/base/flow/memory-budget.ts'
import { makeEnvelope } from '../../../src/mail/message/envelope.ts'
import { Intake } from '../../../src/mail/message/intake.ts'
import { readConfiguration } from '../../../src/scanner/configuration/configuration.ts'
import { handleMail } from '../../../src/scanner/handling/handle-mail.ts'
import { planHandling } from '../../../src/scanner/handling/handling-plan.ts'
import { Deadline } from '../../../src/scanner/scan/judge/context/deadline.ts'
import type { Transaction } from '../../../src/scanner/scan/judge/context/transaction.ts'
import { HostMemory } from '../../../src/scanner/scan/verdicts/host-memory.ts'
import { readQuarantine } from '../../cases/kept.ts'
import { buildStage } from '../../cases/stage.ts'

/** A message that is kept, and whose client leaves or has to retry, is kept once: at each door, which all call this. */

for (const recipients of [['b@keep.example'], ['b@keep.example', 'c@skip.example']]) {
  t.test(
    `for ${recipients.length}: no copy stays kept if the client leaves or has to retry`,
    async (t) => {
      const stage = buildStage(t)
      const CONTROLDIR = stage.rules('to=skip.example scan off\n')
      const { scanner: QHPSI, quarantine: QUARANTINE } = stage
      const env = { PATH: process.env.PATH ?? '', CONTROLDIR, QHPSI, QUARANTINE }
      const configuration = await readConfiguration(env, () => {}, new HostMemory())
      t.teardown(configuration.close)
      const judging = planHandling(configuration)
      if (judging.kind !== 'judge') throw new Error(judging.reason)
      for (const end of ['answered', 'left', 'not carried out']) {
        const intake = new Intake(judging.messageOptions, new Budget(1e6).open())
        intake.write(Buffer.from(`Subject: x\n\nVIRUS ${end}\n`))
        const message = intake.finish()
        t.teardown(() => message.close())
        const bytes = (text: string) => Buffer.from(text)
        const envelope = makeEnvelope(bytes('a@example.net'), recipients.map(bytes))
        const origin = { interface: 'milter', clientAddress: '192.0.2.7', queueId: '4fX' } as const
        const client = { mayRelay: false, isClusterPeer: false, isBounceInjector: false, origin }
        const transaction = { message, envelope, client } as Transaction
        const gone = new AbortController()
        const deadline = new Deadline(() => 0, { gone: gone.signal })
        const shown: unknown[] = []
        const delivered = handleMail(transaction, judging.context, deadline, {
          answers: 'per recipient',
          showBegun(what) {
            shown.push(what)
            return () => shown.push('over')
          },
          logContext() {
            if (end === 'left') gone.abort() // it is asked for when the message is about to be kept
            return { doorFields: [], remote: undefined, transaction, total: 0 }
          },
          carryOut(decision) {
            if (end === 'not carried out') throw new Fault('next-hop', 'no next program')
            return decision
          },
        })
        if (end === 'answered') {
          t.match(await delivered, { kind: recipients.length > 1 ? 'split' : 'quarantine' })
        } else if (end === 'left') {
          await t.rejects(delivered, new Fault('read', 'the connection ended before the answer'))
        } else await t.rejects(delivered, new Fault('next-hop', 'no next program'))
        const mail = { interfaceName: 'milter', remote: '192.0.2.7', from: 'a@example.net' }
        t.same(shown, [{ ...mail, size: message.size }, 'over'])
        const [kept, ...more] = await readQuarantine(stage.quarantine)
        t.same(more, [], 'the one that was waited for')
        t.match(kept?.record, {
          door: 'milter',
          grounds: 'virus',
          found: 'Test-Virus',
          remote: '192.0.2.7',
          queue: '4fX',
          sender: 'a@example.net',
          recipients: recipients.slice(0, 1),
          log: /^onescan: decision=quarantine scan=infected .*virus=Test-Virus .* kept=\S+ .*total_ms=0\.0$/,
        })
      }
    },
  )
}
