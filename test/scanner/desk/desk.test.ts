import t from 'tap'
import { Desk } from '../../../src/scanner/desk/desk.ts'
import { writeReceipts } from '../../../src/scanner/scan/quarantine/receipts.ts'
import { timeOf } from '../../programs/host/processor-time.ts'
import { keepOne, openNew } from '../scan/quarantine/quarantined.ts'

/** What a search of the quarantine costs. */

t.test('20,000 messages are searched in less than a second of processor time', async (t) => {
  const { directory, root } = await openNew(t)
  const [count, rounds] = [500, 60]
  const recipients = ['ann@example.org', 'ben@example.net']
  for (let n = 0; n < count; n++) {
    const id = await keepOne(directory, Date.now() - n * 1000, {
      isTried: true,
      recipients,
      sender: `s${n}@example.net`,
      text: `From: =?iso-8859-1?Q?J=F6rg_${n}?= <j@x.example>\nSubject: =?utf-8?Q?Rechnung_${n}_=C3=BC?=\nContent-Type: application/zip; name="r${n}.zip"\n\nx\n`,
    })
    const receipt = { to: 'ben@example.net', at: new Date().toISOString(), by: 'ann' }
    if (n % 4 === 0) await writeReceipts(root, id, [receipt])
  }
  for (const to of [undefined, ['example.org']]) {
    const desk = await Desk.open(root, { to })
    for (const search of ['', 'jörg 77 .zip']) {
      const find = async () => {
        let found = 0
        const range = { since: undefined, until: undefined }
        for await (const _ of desk.find({ range, states: ['kept'], search })) found++
        t.ok(search === '' ? found === count : found >= 1, `${found} are found`)
      }
      const part = count / 20_000
      const whole = (await timeOf(find, part * 1000, rounds)) / part
      t.comment(`${whole.toFixed(0)} ms for 20,000 messages`)
      t.ok(whole <= 1000, `${whole} ms`)
    }
  }
})
