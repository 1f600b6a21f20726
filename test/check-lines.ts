import type { Test } from 'tap'
import type { CheckLine } from '../src/base/check/check-line.ts'

/** Check lines as text, and the one way to look for one among them. */

/** The check lines as lines: `error QHPSI: is not set here; set it`. */
export function linesOf(checkLines: readonly CheckLine[]): string[] {
  return checkLines.map(
    ({ level, what, value, remedy }) => `${level} ${what}: ${value}${remedy ? `; ${remedy}` : ''}`,
  )
}

/** The check lines of a level as lines without it and without the thing: `is not set here; set it`. */
export const valuesOf = (checkLines: readonly CheckLine[], wanted: CheckLine['level']): string[] =>
  checkLines
    .filter(({ level }) => level === wanted)
    .map(({ value, remedy }) => [value, remedy].filter(Boolean).join('; '))

/** The check lines that are not ok, each by its level and thing: `error keyring`. */
export const complaints = (checkLines: readonly CheckLine[]): string[] =>
  checkLines.filter(({ level }) => level !== 'ok').map(({ level, what }) => `${level} ${what}`)

/** The first check line about a thing. */
export const about = (checkLines: readonly CheckLine[], what: RegExp): CheckLine | undefined =>
  checkLines.find((checkLine) => what.test(checkLine.what))

/** The first about it that is not ok. */
export const complaintAbout = (checkLines: readonly CheckLine[], what: RegExp) =>
  checkLines.find((checkLine) => checkLine.level !== 'ok' && what.test(checkLine.what))

/** A check line about the room of the machine that runs the tests, or about their scanner, which no set-up has made. */
export const isOfTests = ({ level, value }: CheckLine): boolean =>
  /^(logged: "warning: QHPSI: )?plugin: eicar finds only the EICAR test file/.test(value) ||
  (level !== 'error' && /MiB|files left|in memory \(tmpfs\)/.test(value))

/** Asserts that each expected line is there, and that all others are ok, or those of the tests themselves. */
export function complainsOnly(
  t: Pick<Test, 'ok' | 'same'>,
  checkLines: readonly CheckLine[],
  expect: readonly RegExp[],
): void {
  const lines = linesOf(checkLines)
  const isThere = (line: RegExp) => lines.some((printed) => line.test(printed))
  for (const line of expect) t.ok(isThere(line), `${line}`, { lines })
  const well = [/^ok /, ...expect]
  const ofSetUp = linesOf(checkLines.filter((checkLine) => !isOfTests(checkLine)))
  const others = ofSetUp.filter((printed) => !well.some((line) => line.test(printed)))
  t.same(others, [], 'nothing else is complained of')
}
