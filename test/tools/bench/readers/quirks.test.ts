import t from 'tap'
import { needOfChoices } from '../../../../tools/bench/readers/quirks.ts'
import { testFile } from '../../../scanner/scan/scanners/evasions/files.ts'

const inBase64 = (text: string) =>
  Buffer.from(
    `Content-Type: application/zip\nContent-Transfer-Encoding: base64\n\n${text}\n`,
    'latin1',
  )

t.test('what a choice is needed for is found by reading without it', async (t) => {
  // Only a reader that drops the highest bit of the first letter decodes the file.
  const hidden = inBase64(`\xd7${testFile.toString('base64').slice(1)}`)
  const other = inBase64('YWJjYQ==YWJj')
  const needs = needOfChoices([other, hidden], [{ read: () => other }])
  const lost = needs.filter((need) => need.lost.length > 0)
  t.same(
    lost.map((need) => `${need.quirk}: ${need.does} ${need.lost}`),
    ['base64 with eight bits: loses its highest bit 1'],
  )
  const asked = needs.filter(({ asking }) => asking > 0).map(({ quirk }) => quirk)
  t.ok(asked.includes('base64 padding'))
  t.notOk(asked.includes('base64 with eight bits'), 'only other mails are counted')
})
