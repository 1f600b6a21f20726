import { chmodSync, chownSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readSecret } from '../../../src/base/path/secret-file.ts'

t.test('a secret is the text of a file that not everyone can read', async (t) => {
  const texts = { a: 'sesame\n', b: 'öffne dich\r\n', c: 'two\nlines', empty: '\n' }
  const directory = t.testdir(texts)
  const file = (name: string) => join(directory, name)
  for (const name of Object.keys(texts)) chmodSync(file(name), 0o640)
  t.equal(readSecret(file('a')), 'sesame')
  t.equal(readSecret(file('b')), 'öffne dich')
  t.equal(readSecret(file('c')), 'two\nlines')
  t.throws(() => readSecret(file('empty')), { message: /empty: is empty; put the secret into it/ })
  const refused = (mode: number, remedy: RegExp | string) => {
    chmodSync(file('a'), mode)
    t.throws(() => readSecret(file('a')), { message: remedy })
  }
  refused(0o604, /mode 0604 lets everyone read it; run chmod 640 on it$/)
  if (process.getuid!() !== 0) return
  chownSync(file('a'), 54_321, process.getegid!())
  refused(0o644, /; run chmod 640 on it$/)
  chownSync(file('a'), 54_321, 54_321)
  refused(0o644, `; chgrp ${process.getegid!()} ${file('a')} && chmod 640 ${file('a')}`)
})
