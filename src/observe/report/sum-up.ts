import { errorText } from '../../ground/errors/fault.ts'
import { createLineHeadReader } from '../log/line-head.ts'
import { createLineCutter } from '../log/lines.ts'
import { logBytes, type ReportProgress } from '../log/open-log.ts'
import type { LogSource } from '../log/sources.ts'
import type { Summary } from './summary.ts'
import { Tally, type TallyOptions } from './tally.ts'

/**
 * Reads logs to their ends, one after the other, and sums them up. Warns of files that cannot be
 * read.
 */
export async function sumUp(
  sources: readonly LogSource[],
  options: TallyOptions,
  { advance, warn }: { readonly advance: ReportProgress; readonly warn: (text: string) => void },
): Promise<Summary> {
  const tally = new Tally(options)
  for (const { files, label } of sources) {
    for (const file of files) {
      tally.begin(createLineHeadReader(file.modified), label)
      const cutter = createLineCutter((bytes, start, end) => tally.lines(bytes, start, end))
      try {
        for await (const chunk of logBytes(file, advance)) cutter.push(chunk)
      } catch (error) {
        warn(errorText(error))
      }
      cutter.end()
    }
  }
  return tally.summary()
}
