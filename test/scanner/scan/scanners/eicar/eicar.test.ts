import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import t from 'tap'
import {
  cleanMessage,
  eicarMessage,
} from '../../../../../src/scanner/readiness/test-mail/eicar-message.ts'
import type { Sample } from '../../../../../src/scanner/scan/scanners/contract/scanner.ts'
import { EICAR, eicarScanner } from '../../../../../src/scanner/scan/scanners/eicar/eicar.ts'
import { runScanners } from '../../../../../src/scanner/scan/scanners/run/run-scanners.ts'
import { inChunks } from '../../../../mail/message/bytes.ts'
import { sample, scanTask } from '../clamd/task.ts'
import { planOf, secondLook } from '../run/scanning.ts'

/** Whether the test string is found in `text`, which comes in pieces that end at `cuts`. */
async function isFound(text: string, cuts: readonly number[] = []): Promise<boolean> {
  const bytes = Buffer.from(text, 'latin1')
  const ends = cuts.map((cut) => cut % (bytes.length + 1))
  const message: Sample = { ...sample(bytes), bytes: inChunks(bytes, ends) }
  return (await eicarScanner().scan(message, scanTask().task)).answer === 'infected'
}

const cuts = fc.array(fc.nat(), { maxLength: 12 })
const junk = fc.string({ maxLength: 100 })

t.test('the test string is found in every split of the message', async (t) => {
  await fc.assert(
    fc.asyncProperty(junk, junk, cuts, (before, after, cuts) =>
      isFound(`Subject: x\n\n${before}${EICAR}${after}`, cuts),
    ),
  )
  for (let cut = 0; cut <= EICAR.length; cut++) t.ok(await isFound(EICAR, [cut]), `cut at ${cut}`)
  const everywhere = [...EICAR].map((_, at) => at)
  t.ok(await isFound(EICAR, everywhere), 'in single bytes')
})

t.test('a string that only resembles the test string is clean', async (t) => {
  const wrong = EICAR.replace('H+H*', 'X+H*')
  await fc.assert(
    fc.asyncProperty(junk, cuts, async (text, cuts) => !(await isFound(text + wrong + text, cuts))),
  )
  t.notOk(await isFound(`${EICAR.slice(0, 30)}\n${EICAR.slice(30)}`), 'a line break parts it')
  t.notOk(await isFound(EICAR.slice(30) + EICAR.slice(0, 30)))
  t.notOk(await isFound(''))
})

t.test('the test file as an attachment is found where mail is decoded for scanners', async (t) => {
  const scan = (message: Buffer, SECONDLOOK: 'always' | 'never') =>
    runScanners(
      sample(message),
      planOf([eicarScanner()], { settings: { ...secondLook, SECONDLOOK } }),
    )
  t.match(await scan(eicarMessage, 'always'), { answer: 'infected', name: 'EICAR-Test' })
  t.match(await scan(cleanMessage, 'always'), { answer: 'clean' })
  t.match(await scan(eicarMessage, 'never'), { answer: 'clean' }, 'it decodes nothing itself')
})

t.test('after the deadline there is no answer', async (t) => {
  const { task, abort } = scanTask()
  abort()
  await t.rejects(eicarScanner().scan(sample(Buffer.from('Subject: x\n\n')), task))
})

t.test("onescan's own source is not taken for the test file", async (t) => {
  const source = readFileSync(
    new URL('../../../../../src/scanner/scan/scanners/eicar/eicar.ts', import.meta.url),
    'latin1',
  )
  t.notOk(source.includes(EICAR))
})
