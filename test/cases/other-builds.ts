import { allCases } from './all.ts'
import type { Case } from './case.ts'
import { isWhole } from './is-whole.ts'
import { buildStage } from './stage.ts'

/**
 * The cases for further builds of a program, one build of which plays all of them.
 *
 * The judgement is the same bundle (or the same C) in each build. What differs lies below it: how
 * settings are read, files and descriptors opened, scanners started, stamps computed,
 * expressions matched, and the next program called. A case gets there by its settings and its
 * outcome, so the first case of each set of settings with each outcome is played; the others
 * differ from it in the bytes of the mail. `npm run test:all` (CASES=all) plays all of them on
 * every build.
 */
export const casesOfOtherBuilds: readonly Case[] = isWhole ? allCases : firstOfEachKind()

function firstOfEachKind(): Case[] {
  const stage = buildStage()
  const kinds = new Set<string>()
  const chosen = allCases.filter((testCase) => {
    const settings = Object.keys(testCase.settings(stage)).sort()
    const kind = [testCase.expect.outcome, ...settings].join(' ')
    return !kinds.has(kind) && kinds.add(kind)
  })
  stage.remove()
  return chosen
}
