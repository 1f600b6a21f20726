import t from 'tap'
import { codeOf, faultReply } from '../../src/doors/shared/replies/smtp-reply.ts'
import type { Reply } from '../../src/judge/decision.ts'
import { OVER_QUOTA, overQuotaText } from '../../src/judge/over-quota.ts'
import { HEADER_TOO_LARGE, refusal } from '../../src/judge/replies.ts'
import { readAddress } from '../../src/message/envelope/address.ts'
import { readPage, section } from './man-page.ts'

/** The replies that onescan-queue(8) tells against those that are given. */

const page = section(readPage('onescan-queue.8'), 'REPLIES')
const rows = [...page.matchAll(/^\.It (\d{3}) (\d\.\d\.\d) Ta (.*)$/gm)].map(
  ([, code, enhanced, text]) => `${code} ${enhanced} ${text}`,
)

const told = (reply: Reply) => `${codeOf(reply)} ${reply.enhanced} ${reply.text}`

t.test('refusals are in the words of the program', async (t) => {
  const { code, enhanced, lines } = faultReply('bug')
  for (const line of [
    told(refusal('NAME', false)),
    told(refusal('attachment NAME', true)),
    told(HEADER_TOO_LARGE),
    `${code} ${enhanced} ${lines.join(' ')}`,
    `${OVER_QUOTA.code} ${OVER_QUOTA.enhanced} ${overQuotaText(readAddress(Buffer.from('ADDRESS')))}`,
  ]) {
    t.ok(rows.includes(line), line)
  }
  t.equal(new Set(rows).size, rows.length)
})
