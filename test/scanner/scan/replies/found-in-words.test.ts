import t from 'tap'
import {
  dangerText,
  isSameAddress,
  kindText,
} from '../../../../src/scanner/scan/replies/found-in-words.ts'

/** What people read about a message in quarantine. */

t.test('the address of the envelope is that of From only if it stands alone in it', async (t) => {
  for (const from of ['ann@x.example', 'Ann <ann@x.example>', ' "A" <ANN@x.example> ', ''])
    t.ok(isSameAddress(from, 'Ann@X.example'), from)
  for (const from of [
    'ann@x.example <eve@y.example>',
    '<ann@x.example> eve@y.example',
    'joann@x.example',
    'Ann <ann@x.example.y.example>',
    'ann@x.example, eve@y.example',
  ])
    t.notOk(isSameAddress(from, 'ann@x.example'), from)
  t.notOk(isSameAddress('Ann <ann@x.example>', ''), 'a bounce')
})

t.test('a danger is named, also that of what was not read', async (t) => {
  t.same([kindText('banned'), dangerText('virus')], ['Banned attachment', 'Opening it may do harm.']) // biome-ignore format: a line
  t.match(dangerText('encrypted'), /a virus may be in it/)
  t.same([dangerText('structured'), dangerText('policy')], ['', ''])
})
