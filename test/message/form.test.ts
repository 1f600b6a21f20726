import { createHash } from 'node:crypto'
import t from 'tap'
import { examineForm, readForm } from '../../src/message/form.ts'
import { Header } from '../../src/message/header-block.ts'

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
    const reader = readForm(block, digests, hash)
    t.same(reader.known, none)
    reader.update(Buffer.from('x'))
    t.same(reader.finish(), none)
  }
})

t.test('the body below a header that is not well formed is not hashed', async (t) => {
  const reader = readForm(odd, wanted, createHash)
  const known = { formFault: 'line 1 of the header is not a field', digests: nothing }
  t.same(reader.known, known)
  t.same(reader.finish(), known)
  const unread = {
    [Symbol.iterator]() {
      throw new Error('the body was read')
    },
  }
  t.same(await examineForm(odd, unread, wanted, createHash), known)
})

t.test('a body has the digests that are wanted, or a fault', async (t) => {
  const formOf = (body: string, which = wanted) => {
    const reader = readForm(good, which, createHash)
    t.equal(reader.known, undefined)
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

t.test('other mail has turns between the chunks of a body, but not before the first', async (t) => {
  let turns = 0
  let timer = setImmediate(function tick() {
    turns++
    timer = setImmediate(tick)
  })
  t.teardown(() => clearImmediate(timer))
  const seen: number[] = []
  function* body() {
    for (let n = 0; n < 3; n++) {
      seen.push(turns)
      yield Buffer.from('x\n')
    }
    seen.push(turns)
  }
  const { digests } = await examineForm(good, body(), wanted, createHash)
  t.equal(digests.sha256, sha256('x\nx\nx\n'))
  const [first, second, third, end] = seen as [number, number, number, number]
  t.same([first, second], [0, 0], 'a body of one chunk costs no turn')
  t.ok(second < third && third < end, `${seen}`)
})
