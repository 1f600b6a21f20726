import { join } from 'node:path'
import t from 'tap'
import { allCases } from '../../cases/all.ts'
import { casesOfOtherBuilds } from '../../cases/other-builds.ts'
import { type Door, play } from '../../doors/queue/play.ts'
import type { SlotRun } from '../../doors/queue/slot.ts'
import { openSlot } from '../../doors/warm/slot-socket.ts'
import { clients, coldPrograms, missing, sanitized } from './client.ts'

/**
 * The behaviours that all doors share, through the client: without a daemon, and with one. All of
 * them where sanitizers watch what it does with a daemon's answers. Without a daemon it
 * hands everything to the cold program, which plays all of them by itself.
 */

const cold = coldPrograms(t)

/** The client waits a second for the first word of a daemon, which lives in this process here. */
const wasTooLate = ({ logged }: SlotRun) =>
  /decision=cold reason="onescand: is silent for too long"/.test(logged)

/** Of a connection or a message: no environment of a daemon has these. */
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
