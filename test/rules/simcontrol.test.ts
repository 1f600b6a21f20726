import t from 'tap'
import { SETTINGS_MAX } from '../../src/rules/parse.ts'
import { parseSimcontrol } from '../../src/rules/simcontrol.ts'

/** simscan's control/simcontrol, as its README explains it. */

const read = (text: string) => parseSimcontrol(text, 'simcontrol')
const doings = (text: string) =>
  read(text).map(({ line, action }) => [
    line,
    action.kind === 'set' ? action.settings : action.kind,
  ])

t.test(
  'the line of an address counts before that of its domain, and that before the line of all others',
  async (t) => {
    const text = ':clam=yes,spam=yes,spam_hits=9.8\nexample.com:clam=no,spam=no\n\n# a\nAnn@Example.com:clam=yes\r\n' // biome-ignore format: a line
    t.same(doings(text), [
      [5, {}],
      [2, 'off'],
      [1, {}],
    ])
    t.same(read(text)[0]?.conditions, { to: { kind: 'address', text: 'ann@example.com' } })
    t.same(read(text)[2]?.conditions, {})
  },
)

t.test('attach= bans files whose names end so, even with clam=no', async (t) => {
  t.same(doings('a.org:attach=.txt:.com,clam=yes\nb.org:clam=no,attach=.MP3\n'), [
    [1, { BADATTACHMENTS: '*.txt *.com' }],
    [2, { QHPSI: 'plugin: attachments', BADATTACHMENTS: '*.mp3' }],
  ])
})

t.test('an option that a line does not name is that of the less precise line', async (t) => {
  t.same(doings(':clam=no,attach=.exe\na.org:clam=yes\nann@a.org:attach=.doc\nben@a.org:attach=\n'), [
    [3, { BADATTACHMENTS: '*.doc' }],
    [4, {}],
    [2, { BADATTACHMENTS: '*.exe' }],
    [1, { QHPSI: 'plugin: attachments', BADATTACHMENTS: '*.exe' }],
  ]) // biome-ignore format: a table
  const twice = 'a.org:clam=no\na.org:clam=yes\nann@a.org:spam=no\n'
  t.same(doings(twice)[0], [3, 'off'], 'simscan finds the first of two lines')
})

t.test('the error about a line has its number', async (t) => {
  for (const [line, why] of [
    ['nonsense', 'must be address:option,option'],
    [`a.org:${'x'.repeat(5000)}`, 'must be address:option,option'],
    ['a@:clam=no', 'to=a@: is no address; name a domain without the @'],
    ['a.org,b.org:clam=no', 'b.org: is no condition; say to=, from='],
  ] as const) {
    const message = new RegExp(`^simcontrol line 3: ${why.replaceAll('.', '\\.')}`)
    t.throws(() => read(`# a\n\n${line}\n`), { name: 'Fault', kind: 'config', message }, line)
  }
  const many = Array.from({ length: SETTINGS_MAX + 1 }, (_, i) => `${i}.org:attach=.${i}\n`)
  t.throws(() => read(many.join('')), { message: /^simcontrol line 101: is over 100 different/ })
})
