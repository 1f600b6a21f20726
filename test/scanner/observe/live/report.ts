import type { ProcessReport } from '../../../../src/scanner/observe/live/process-report.ts'

/** What a process reports that has nothing to do, but for `more`. */
export const report = (more: Partial<ProcessReport> = {}): ProcessReport => ({
  lines: [],
  lost: 0,
  standalone: { asked: 0, left: 0 },
  underway: [],
  judging: 0,
  doors: {},
  servers: {},
  quota: undefined,
  sharing: undefined,
  log: { lost: 0, trouble: undefined },
  ...more,
})
