import t from 'tap'
import { clamdMissing } from '../../../../programs/servers/clamd.ts'
import { isWhole } from '../../../../run/is-whole.ts'
import { evasions } from './all.ts'
import { startClamdForEvasions } from './clamd.ts'
import { messageOf } from './compose.ts'
import { byDigestAlone } from './digest-alone.ts'
import { judgeMessage } from './judge-message.ts'

const ends = ['\n', '\r\n'] as const

t.test('no hostile mail is called clean', { skip: clamdMissing }, async (t) => {
  const clamd = await startClamdForEvasions(t)
  let count = 0
  for (const evasion of Object.values(evasions).flat()) {
    if (evasion.name in byDigestAlone) continue
    // Each in one of its two ends of lines, and with `npm run test:nightly` in both.
    for (const end of isWhole ? ends : [ends[count % 2]!]) {
      count++
      const message = messageOf(evasion, end)
      const what = `${evasion.name} (${JSON.stringify(end)})`
      if (!(await judgeMessage(clamd.socket, message)).isFound) t.fail(what)
    }
  }
  t.ok(count > (isWhole ? 1000 : 500), `${count} mails`)
})
