import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { allCases } from '../../cases/all.ts'
import { bounces } from '../../cases/bounces.ts'
import { firstOfEachKind } from '../../cases/kinds.ts'
import { isOfDaemon, type Passage, play } from '../../cases/play.ts'
import { sendToSlot } from '../../scanner/doors/slot/send.ts'
import { openSlot } from '../../scanner/doors/slot/socket/rig.ts'
import { clientsBeside, missing, standalonePrograms } from './client.ts'

/**
 * Plays behaviours that all doors share through onescanc under sanitizers, one of each kind, with a
 * daemon and without one; `npm run test:nightly` plays all of them, and through the installed build, too.
 * The judgement is onescand's and that of the standalone program, whose own tests play all of them.
 */

const standalone = standalonePrograms(t)
const clients = missing ? [] : clientsBeside(standalone.queue)
if (missing) t.test('onescanc', { skip: missing }, async () => {})

/** The client waits a second for the first word of a daemon, which runs in this process. */
const wasTooLate = ({ log }: Passage) =>
  /decision=standalone reason="onescand: is silent for too long"/.test(log)

for (const { name, program } of clients) {
  t.test(`${name} without a daemon`, { jobs: 2 }, async (t) => {
    const settings = { ONESCAN_SOCKET: join(standalone.directory, 'nobody') }
    for (const testCase of [...firstOfEachKind(allCases), ...bounces]) {
      t.test(testCase.name, (t) =>
        play(t, testCase, {
          hasDaemon: false,
          send: (_, sent) => sendToSlot(sent, { program, settings }),
        }),
      )
    }
  })

  t.test(`${name} with a daemon`, { jobs: 2 }, async (t) => {
    for (const testCase of [...firstOfEachKind(allCases), ...bounces]) {
      if (testCase.noDaemon) continue // played without one
      t.test(testCase.name, (t) =>
        play(t, testCase, {
          hasDaemon: true,
          isVoid: wasTooLate,
          async send(t, sent) {
            const daemons = Object.entries(sent.settings).filter(([name]) => isOfDaemon(name))
            const slot = await openSlot(t, Object.fromEntries(daemons))
            const passage = await sendToSlot(sent, {
              program,
              settings: { ONESCAN_SOCKET: slot.socket },
            })
            if (wasTooLate(passage)) return passage
            t.notMatch(passage.log, 'decision=standalone', 'the daemon answered')
            const files = readdirSync(slot.directory).filter((name) => name !== 's')
            return { ...passage, left: [...passage.left, ...files, ...slot.log] }
          },
        }),
      )
    }
  })
}
