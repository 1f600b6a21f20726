import t from 'tap'
import { bounces } from '../../cases/bounces.ts'
import { nesting } from '../../cases/nesting.ts'
import { type Door, isOfDaemon, play } from '../../cases/play.ts'
import { qhpsi } from '../../cases/qhpsi.ts'
import { sendToSocket } from '../../doors/slot-socket/send.ts'

/**
 * What the cases of the doors show of the judgement, played in this process, so that a change of the
 * judge is noticed here. The other tests of this room show only what no case does.
 */

const door: Door = { hasDaemon: true, send: (t, sent) => sendToSocket(t, sent, isOfDaemon) }

for (const testCase of [...qhpsi, ...nesting, ...bounces]) {
  t.test(testCase.name, (t) => play(t, testCase, door))
}
