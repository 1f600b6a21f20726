import t from 'tap'
import { clamdMissing, startClamd } from '../../../../programs/servers/clamd.ts'
import { isWhole } from '../../../../run/is-whole.ts'
import { createRandom } from '../../../../run/random.ts'
import { extractingAll, judgeMessage } from '../evasions/judge-message.ts'
import { changedMail } from './changed-mail.ts'
import { findsAlone } from './in-each-form.ts'
import { databaseOf, kindsOfSignature } from './kinds-of-signature.ts'

const MAILS = isWhole ? 400 : 12
const SEED = 8_202

t.test('each kind of signature finds files in covered parts', { skip: clamdMissing }, async (t) => {
  const random = createRandom(SEED)
  let omitted = 0
  for (const [kind, known] of Object.entries(kindsOfSignature)) {
    const clamd = await startClamd(t, { alertExceedsMax: true, database: databaseOf(known) })
    t.ok(await findsAlone(clamd.socket, known), kind)
    const extracted = await extractingAll(clamd.socket)
    for (let count = 0; count < MAILS; count++) {
      const { mail, changes } = changedMail(random, { file: known })
      const message = Buffer.from(mail, 'latin1')
      if ((await judgeMessage(clamd.socket, message, extracted)).isFound) continue
      const { isFound } = await judgeMessage(clamd.socket, message)
      if (isFound || changes === 0) t.fail(`${kind}, mail ${count}`, { mail })
    }
    omitted += extracted.omitted
    await clamd.stop()
  }
  t.ok(omitted > MAILS, `${omitted} parts were omitted`)
})
