import t from 'tap'
import { allCases } from '../../../../cases/all.ts'
import { bounces } from '../../../../cases/bounces.ts'
import type { Case } from '../../../../cases/case.ts'
import { firstOfEachKind } from '../../../../cases/kinds.ts'
import { type Door, isOfDaemon, play } from '../../../../cases/play.ts'
import { buildStage } from '../../../../cases/stage.ts'
import { sendToSocket } from './send.ts'

/**
 * The behaviours that all doors share, for a client that carries out answers by the letter of
 * slot-protocol.md. A change of the judgement is noticed here: the tests of its room show only what no case does.
 */

/** Settings that a client may have although the daemon does not. */
const ofEither = new Set(['REJECTVIRUS', 'VIRUSFORWARD', 'QHPSIMINSIZE', 'QHPSIMAXSIZE'])

const doorOf = (isDaemons: (name: string) => boolean): Door => ({
  hasDaemon: true,
  send: (t, sent) => sendToSocket(t, sent, isDaemons),
})

t.test('a client that has the settings of the daemon', async (t) => {
  const door = doorOf(isOfDaemon)
  for (const testCase of [...allCases, ...bounces]) {
    t.test(testCase.name, (t) => play(t, testCase, door))
  }
})

t.test('settings of the client alone give the same results', async (t) => {
  const door = doorOf((name) => isOfDaemon(name) && !ofEither.has(name))
  for (const testCase of firstOfEachKind(allCases.filter(hasSettingOfEither))) {
    t.test(testCase.name, (t) => play(t, testCase, door))
  }
})

function hasSettingOfEither(testCase: Case): boolean {
  const stage = buildStage()
  const names = Object.keys(testCase.settings(stage))
  stage.remove()
  return names.some((name) => ofEither.has(name))
}
