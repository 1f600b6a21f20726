import { join } from 'node:path'
import t from 'tap'
import { allCases } from '../../cases/all.ts'
import { play } from '../../doors/queue/play.ts'
import { openSlot } from '../../doors/warm/slot-socket.ts'
import { clients, coldPrograms, missing } from './client.ts'

/** The behaviours that all doors share, through the client: without a daemon, and with one. */

const cold = coldPrograms(t)

const wasTooLate = (log: string) => /decision=cold reason="onescand: is silent/.test(log)

/** Of a connection or a message: no environment of a daemon has these. */
const clientsOwn = new Set(['RELAYCLIENT', 'CLUSTERPEER', 'ERROR_FD', 'ERROR_EXIT'])

for (const { name, program } of clients) {
  t.test(`${name} without a daemon`, { jobs: 2, skip: missing }, async (t) => {
    for (const each of allCases) {
      t.test(each.name, (t) =>
        play(t, each, () => ({
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
    for (const each of allCases) {
      if (each.noDaemon) continue // played without one
      t.test(each.name, async (t) => {
        const playWarm = () =>
          play(t, each, async (settings) => {
            const daemons = Object.entries(settings).filter(([name]) => !clientsOwn.has(name))
            const slot = await openSlot(t, Object.fromEntries(daemons))
            return {
              program,
              settings: { ONESCAN_COLD: cold.queue, ONESCAN_SOCKET: slot.socket },
            }
          })
        let run = await playWarm()
        // The client waits a second for the first word of a daemon that lives in this process.
        for (let tries = 1; tries < 10 && wasTooLate(run.logged); tries++) run = await playWarm()
        t.notMatch(run.logged, 'decision=cold', 'the daemon answered')
      })
    }
  })
}
