import fc from 'fast-check'
import t from 'tap'
import { EICAR } from '../../src/scan/shared/eicar-file.ts'
import { makeMessage } from './messages.ts'

t.test('a message has the size that is asked for, to the byte', async (t) => {
  fc.assert(
    fc.property(fc.integer({ min: 1000, max: 60_000 }), fc.boolean(), (size, infected) => {
      const message = makeMessage(size, { infected }).toString('latin1')
      t.equal(message.length, size)
      t.ok(message.endsWith('\n'))
      t.equal(message.includes(EICAR), infected)
      t.notMatch(message, /[^\n]{78}/, 'no line is too long')
    }),
    { numRuns: 50 },
  )
})

t.test('beyond some kilobytes it has an attachment, and is the same each time', async (t) => {
  const message = makeMessage(100_000, { infected: false })
  t.match(
    message.toString('latin1'),
    /^--=_bench\nContent-Type: application\/octet-stream.*\nContent-Transfer-Encoding: base64$/m,
  )
  t.ok(message.equals(makeMessage(100_000, { infected: false })))
})
