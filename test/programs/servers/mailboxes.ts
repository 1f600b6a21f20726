import type { Test } from 'tap'
import { spool, startQuotad } from '../../quota/quotad.ts'

/**
 * Makes the Maildirs `full`, and `room` and `large` with 800,000 bytes to go, and starts
 * onescan-quotad for them. Resolves to the value of QUOTAD, which needs QUOTANAME=local.
 */
export async function startMailboxes(t: Test): Promise<string> {
  const maildir = (name: string, bytes: number) => ({
    ...{ [`${name}/cur/`]: '', [`${name}/new/`]: '', [`${name}/tmp/`]: '' },
    [`${name}/maildirsize`]: `1000000S\n${bytes} 10\n`,
  })
  const directory = spool(t, {
    ...maildir('full', 1_000_000),
    ...maildir('room', 200_000),
    ...maildir('large', 200_000),
  })
  const { udpPort } = await startQuotad(t, { QUOTAMAILBOX: `maildir:${directory}/%u` })
  return `quotad:127.0.0.1:${udpPort}`
}
