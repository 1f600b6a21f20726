import type { Test } from 'tap'
import { startQuotad } from '../quota/service/quotad.ts'

/**
 * The Maildirs `full`, and `room` and `large` with 800,000 bytes to go, with onescan-quotad
 * before them; resolves with what QUOTAD is set to, where QUOTANAME is `local`.
 */
export async function startMailboxes(t: Test): Promise<string> {
  const maildir = (bytes: number) => ({
    ...{ cur: {}, new: {}, tmp: {} },
    maildirsize: `1000000S\n${bytes} 10\n`,
  })
  const directory = t.testdir({
    full: maildir(1_000_000),
    room: maildir(200_000),
    large: maildir(200_000),
  })
  const { udpPort } = await startQuotad(t, { QUOTAMAILBOX: `maildir:${directory}/%u` })
  return `quotad:127.0.0.1:${udpPort}`
}
