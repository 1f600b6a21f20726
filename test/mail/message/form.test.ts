import { createHash } from 'node:crypto'
import t from 'tap'
import { FormReader } from '../../../src/mail/message/form.ts'
import { Header } from '../../../src/mail/message/header-block.ts'

/** The form of a message, on which stamps depend, and the digests of its body. */

const header = (text: string) => new Header(Buffer.from(text, 'latin1'))
const good = header('A: b\n\n')
const odd = header('no field\n\n')
const wanted = { md5: false, sha256: true }
const nothing = { md5: undefined, sha256: undefined }
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
const endings = 'the body has other line endings than the header'

t.test('a message is not examined if no digest is wanted', async (t) => {
  const none = { formFault: undefined, digests: nothing }
  for (const [block, digests, hash] of [
    [odd, { md5: false, sha256: false }, createHash],
    [odd, wanted, undefined],
  ] as const) {
    const reader = new FormReader(block, digests, hash)
    reader.update(Buffer.from('x'))
    t.same(reader.finish(), none)
  }
})

t.test('the body below a header that is not well formed is not hashed', async (t) => {
  const reader = new FormReader(odd, wanted, createHash)
  reader.update(Buffer.from('x'))
  const formFault = 'line 1 of the header is not a field'
  t.same(reader.finish(), { formFault, digests: nothing })
})

t.test('a body has the digests that are wanted, or a fault', async (t) => {
  const formOf = (body: string, which = wanted) => {
    const reader = new FormReader(good, which, createHash)
    reader.update(Buffer.from(body))
    return reader.finish()
  }
  t.same(formOf('x\n'), {
    formFault: undefined,
    digests: { md5: undefined, sha256: sha256('x\n') },
  })
  t.equal(formOf('x\r\n').formFault, endings)
  const md5 = formOf('x\n', { md5: true, sha256: false })
  t.equal(md5.digests.sha256, undefined)
  t.equal(md5.digests.md5?.digest('hex'), createHash('md5').update('x\n').digest('hex'))
})
