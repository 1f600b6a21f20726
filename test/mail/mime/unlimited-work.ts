import { Bytes } from '../../../src/mail/message/bytes.ts'
import { type Steps, Work } from '../../../src/mail/mime/budget/work.ts'

interface Done<Result> {
  readonly result: Result
  /** The units of work, as they were counted. */
  readonly units: readonly number[]
}

/** Does work of which no limit is reached, and that needs no file. */
export function doneUnlimited<Result>(begin: (work: Work) => Steps<Result>): Done<Result> {
  const most = Number.POSITIVE_INFINITY
  const units: number[] = []
  const work = new Work(Bytes.of(Buffer.alloc(0)), {
    openFile: () => -1,
    budget: { bytes: most, contents: most, work: most },
    onWork: (counted) => units.push(counted),
  })
  const steps = begin(work)
  let step = steps.next()
  while (!step.done) step = steps.next()
  return { result: step.value, units }
}

export function sumOf(units: readonly number[]): number {
  return units.reduce((sum, more) => sum + more, 0)
}
