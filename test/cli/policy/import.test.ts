import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { linesFor } from '../../../src/cli/policy/import.ts'
import { parseRules } from '../../../src/rules/parse.ts'
import { onescan } from '../onescan.ts'

/** `onescan policy import` translates simscan's control/simcontrol, as its README explains it. */

/** The lines of onescan.policy, each with the number of the line that it stands for. */
function read(text: string) {
  const lines = linesFor(text, 'simcontrol')
  parseRules(lines.map(({ policy }) => policy).join('\n'), 'onescan.policy')
  return lines.map(({ line, policy }) => [line, policy])
}

t.test(
  'the line of an address counts before that of its domain, and that before the line of all others',
  async (t) => {
    const text = ':clam=yes,spam=yes,spam_hits=9.8\nexample.com:clam=no,spam=no\n\n# a\nAnn@Example.com:clam=yes\r\n' // biome-ignore format: a line
    t.same(read(text), [
      [5, 'to=ann@example.com QHPSI="plugin: clamd"'],
      [2, 'to=example.com scan off'],
      [1, '* QHPSI="plugin: clamd"'],
    ])
  },
)

t.test('attach= bans files whose names end so, even with clam=no', async (t) => {
  t.same(read('a.org:attach=.txt:.com,clam=yes\nb.org:clam=no,attach=.MP3\n'), [
    [1, 'to=a.org BADATTACHMENTS="*.txt *.com"'],
    [2, 'to=b.org QHPSI="plugin: attachments" BADATTACHMENTS="*.mp3"'],
  ])
})

t.test('an option that a line does not name is that of the less precise line', async (t) => {
  t.same(read(':clam=no,attach=.exe\na.org:clam=yes\nann@a.org:attach=.doc\nben@a.org:attach=\n'), [
    [3, 'to=ann@a.org BADATTACHMENTS="*.doc"'],
    [4, 'to=ben@a.org QHPSI="plugin: clamd"'],
    [2, 'to=a.org BADATTACHMENTS="*.exe"'],
    [1, '* QHPSI="plugin: attachments" BADATTACHMENTS="*.exe"'],
  ])
  const twice = 'a.org:clam=no\na.org:clam=yes\nann@a.org:spam=no\n'
  t.same(read(twice)[0], [3, 'to=ann@a.org scan off'], 'simscan finds the first of two lines')
})

t.test('the error about a line has its number', async (t) => {
  for (const [line, why] of [
    ['nonsense', 'must be address:option,option'],
    ['a@:clam=no', 'to=a@: is not an address; name a domain without the @'],
    ['a.org,b.org:clam=no', 'b.org: is not a condition; say to=, from='],
    ['a.org:attach=.a"b', 'attach=.a"b: has a quote or a blank'],
  ] as const) {
    const message = new RegExp(`^simcontrol line 3: ${why.replaceAll('.', '\\.')}`)
    t.throws(() => read(`# a\n\n${line}\n`), { name: 'Fault', kind: 'config', message }, line)
  }
})

t.test('the command prints the lines, and writes nothing', async (t) => {
  const file = join(t.testdir(), 'simcontrol')
  writeFileSync(file, ':clam=no\nx.org:clam=yes,attach=.exe\n')
  const { code, out } = await onescan(['policy', 'import', file])
  t.equal(code, 0)
  t.equal(out, 'to=x.org BADATTACHMENTS="*.exe"\n* scan off\n')
})
