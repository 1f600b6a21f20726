import t from 'tap'
import { allCases } from '../../cases/all.ts'
import { bounces } from '../../cases/bounces.ts'
import { type Door, isOfDaemon, play } from '../../cases/play.ts'
import { sendToSocket } from '../../doors/slot/socket/send.ts'

/**
 * The cases of the interfaces, played in this process, so that a change of the judge is noticed here. The
 * other tests of this room show only what no case does.
 */

const door: Door = { hasDaemon: true, send: (t, sent) => sendToSocket(t, sent, isOfDaemon) }

for (const testCase of [...allCases, ...bounces]) {
  t.test(testCase.name, (t) => play(t, testCase, door))
}
