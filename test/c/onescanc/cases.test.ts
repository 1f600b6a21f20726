import { join } from 'node:path'
import t from 'tap'
import { allCases } from '../../cases/all.ts'
import { casesOfOtherBuilds } from '../../cases/other-builds.ts'
import { type Door, play } from '../../doors/slot/play.ts'
import type { SlotRun } from '../../doors/slot/slot.ts'
import { openSlot } from '../../doors/slot-socket/slot-socket.ts'
import { clients, coldPrograms, missing, sanitized } from './client.ts'

/**
 * Plays the behaviours that all doors share through onescanc, with a daemon and without one. The
 * build with sanitizers plays all of them with a daemon. Without a daemon onescanc hands all mail
 * to the cold program, whose own tests play all of them.
 */

const cold = coldPrograms(t)

/** The client waits a second for the first word of a daemon, which runs in this process. */
const wasTooLate = ({ logged }: SlotRun) =>
  /decision=cold reason="onescand: is silent for too long"/.test(logged)

/** Settings of a connection or a message, which no daemon has in its environment. */
const clientsOwn = new Set(['RELAYCLIENT', 'CLUSTERPEER', 'ERROR_FD', 'ERROR_EXIT'])

for (const { name, program } of clients) {
  t.test(`${name} without a daemon`, { jobs: 2, skip: missing }, async (t) => {
    for (const testCase of casesOfOtherBuilds) {
      t.test(testCase.name, (t) =>
        play(t, testCase, () => ({
          program,
          settings: {
            ONESCAN_COLD: cold.queue,
            ONESCAN_SOCKET: join(cold.directory, 'nobody'),
          },
        })),
      )
    }
  })

  t.test(`${name} with a daemon`, { jobs: 2, skip: missing }, async (t) => {
    for (const testCase of program[0] === sanitized ? allCases : casesOfOtherBuilds) {
      if (testCase.noDaemon) continue // played without one
      t.test(testCase.name, async (t) => {
        const warm: Door = async (settings) => {
          const daemons = Object.entries(settings).filter(([name]) => !clientsOwn.has(name))
          const slot = await openSlot(t, Object.fromEntries(daemons))
          return {
            program,
            settings: { ONESCAN_COLD: cold.queue, ONESCAN_SOCKET: slot.socket },
          }
        }
        const run = await play(t, testCase, warm, wasTooLate)
        t.notMatch(run.logged, 'decision=cold', 'the daemon answered')
      })
    }
  })
}
