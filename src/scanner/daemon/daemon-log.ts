import { replaceUnprintable } from '../../base/log/line-format.ts'
import { standardError } from '../../base/log/log-queue.ts'

/** Logs the daemon's own trouble, a line each. What concerns a message is logged by its client. */
export function log(line: string): void {
  standardError.write(Buffer.from(`onescand: ${replaceUnprintable(line)}\n`))
}
