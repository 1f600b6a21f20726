import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import {
  exceptionId,
  openExceptionUseFile,
  readExceptionUses,
} from '../../../src/observe/live/exception-uses.ts'
import { parseRules } from '../../../src/rules/parse.ts'

/** The file that keeps when exceptions of onescan.policy were last used. */

const DAY = 86_400_000
/** A day, as the file counts. */
const TODAY = 20_000
const rulesOf = (text: string) => parseRules(text, 'file')
const nameOf = (line: string) => exceptionId(rulesOf(line)[0]!)!

function open(directory: string, day: number) {
  const log: string[] = []
  const now = () => day * DAY + 5000
  return { ...openExceptionUseFile(directory, { now, log: (line) => log.push(line) }), log }
}

const viruses = 'signature=Win.*,from=ann@example.org allow'
const tools = 'from=tools@example.net allow'

t.test('the day of the last use stays with an exception that is moved in its file', async (t) => {
  const directory = t.testdir()
  const first = open(directory, TODAY)
  first.replaceAll(rulesOf(`${viruses}\n${tools}\nto=a.org scan off\n`))
  first.close()
  const second = open(directory, TODAY + 7)
  second.replaceAll(rulesOf(`# moved\n${tools}\n\nsignature=Win.*,from=ann@example.org\n   allow`))
  second.noteUse(nameOf(viruses))
  second.noteUse(nameOf('to=nobody allow'))
  second.close()
  t.same(
    readExceptionUses(directory),
    new Map([
      [nameOf(tools), { known: TODAY, used: undefined }],
      [nameOf(viruses), { known: TODAY, used: TODAY + 7 }],
    ]),
  )
  const file = join(directory, 'exceptions')
  t.notMatch(readFileSync(file, 'utf8'), /ann|Win/)
  t.equal(statSync(file).mode & 0o777, 0o600)
  const third = open(directory, TODAY + 8)
  third.replaceAll(rulesOf(tools))
  third.close()
  t.same(
    [...readExceptionUses(directory).keys()],
    [nameOf(tools)],
    'a line that is gone is forgotten',
  )
  t.same([...first.log, ...second.log, ...third.log], [])
})

t.test('a day in the future, of a clock that was ahead, is taken for today', async (t) => {
  const directory = t.testdir()
  const ahead = open(directory, TODAY + 4000)
  ahead.replaceAll(rulesOf(tools))
  ahead.noteUse(nameOf(tools))
  ahead.close()
  const now = open(directory, TODAY)
  now.replaceAll(rulesOf(tools))
  now.close()
  t.same([...readExceptionUses(directory).values()], [{ known: TODAY, used: TODAY }])
})

t.test(
  'a damaged file costs the remembered days and a line of the log, and nothing else',
  async (t) => {
    const name = 'a'.repeat(32)
    for (const text of [
      ...['', 'x', 'null', '{}', '[]', '{"version":1}', '{"version":1,"exceptions":[null]}'],
      ...[`{"version":2,"exceptions":[]}`, `{"version":1,"exceptions":[["../x",1,1]]}`],
      ...[`{"version":1,"exceptions":[["${name}",-1,1]]}`, ' '.repeat(2 ** 20 + 1)],
    ]) {
      const directory = t.testdir({ exceptions: text })
      t.throws(() => readExceptionUses(directory), text.slice(0, 60))
      const { replaceAll: has, close, log } = open(directory, TODAY)
      has(rulesOf(tools))
      close()
      t.match(log, [/exceptions: .*; when exceptions were used is forgotten at a restart$/])
      t.equal(readExceptionUses(directory).size, 1, 'it is written anew')
    }
  },
)

t.test('of more exceptions than ten thousand, the first ten thousand are remembered', async (t) => {
  const directory = t.testdir()
  const { replaceAll: has, close, log } = open(directory, TODAY)
  has(rulesOf(Array.from({ length: 10_001 }, (_, i) => `from=${i}.org allow\n`).join('')))
  close()
  t.same(log, [])
  t.equal(readExceptionUses(directory).size, 10_000)
})
