import t from 'tap'
import { Desk } from '../../../../src/scanner/cli/quarantine/desk.ts'
import { keepOne, openNew } from '../../scan/quarantine/quarantined.ts'

/** What a search of the quarantine costs. */

t.test('20,000 messages are searched in less than a second of processor time', async (t) => {
  const { directory, root } = await openNew(t)
  const [count, rounds] = [500, 10]
  for (let n = 0; n < count; n++)
    await keepOne(directory, Date.now() - n * 1000, {
      isTried: true,
      sender: `s${n}@example.net`,
      text: `From: =?iso-8859-1?Q?J=F6rg_${n}?= <j@x.example>\nSubject: =?utf-8?Q?Rechnung_${n}_=C3=BC?=\nContent-Type: application/zip; name="r${n}.zip"\n\nx\n`,
    })
  const desk = await Desk.open(root)
  const times: number[] = []
  for (let round = 0; round < rounds; round++) {
    const before = process.cpuUsage()
    let found = 0
    const filter = { range: { since: undefined, until: undefined }, states: ['kept'] } as const
    for await (const _ of desk.find({ ...filter, search: 'jörg 77 .zip' })) found++
    t.ok(found >= 1)
    const { user, system } = process.cpuUsage(before)
    times.push((user + system) / 1e6)
  }
  const whole = (20_000 / count) * Math.min(...times)
  t.comment(`${whole.toFixed(2)} s for 20,000 messages`)
  t.ok(whole < 1, `${whole} s`)
})
