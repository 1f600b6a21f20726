import { isWhole } from '../run/is-whole.ts'
import type { Case } from './case.ts'
import { buildStage } from './stage.ts'

/**
 * One case for each way in which a door carries a decision out: its outcome, and whether mail is
 * tagged, stamped, redirected, kept, split among its recipients, or loses fields.
 *
 * This is what further builds of a program, and older protocols, play: the judgement is the same
 * bundle (or the same C) in each, and one build of each door plays all cases. In
 * `npm run test:nightly` all builds do.
 */
export function firstOfEachKind(cases: readonly Case[]): readonly Case[] {
  if (isWhole) return cases
  const kinds = new Set<string>()
  return cases.filter((testCase) => {
    const kind = kindOf(testCase)
    return !kinds.has(kind) && kinds.add(kind)
  })
}

function kindOf({ expect, noDaemon, recipients = [], message, earlier }: Case): string {
  const stage = buildStage()
  const sent = message(stage).toString('latin1')
  stage.remove()
  const ways = {
    tagged: expect.xQhpsi,
    stamped: (expect.newStamps ?? 0) > 0,
    redirected: expect.recipients !== undefined,
    kept: expect.kept !== undefined,
    again: earlier && expect.keptMessages,
    split: expect.keptFor !== undefined,
    removed: expect.outcome === 'delivered' && /^x-(?:qhpsi|quarantine)/im.test(sent),
    several: recipients.length > 1,
    unfit: noDaemon !== undefined,
  }
  return JSON.stringify([expect.outcome, ways])
}
