import * as crypto from 'node:crypto'
import t from 'tap'
import { withKeysReady } from '../../../src/lib/runtime/crypto.ts'

t.test('an HMAC is that of node:crypto, and the key of a secret is made once', (t) => {
  const made: Buffer[] = []
  const { createHmac } = withKeysReady({
    ...crypto,
    createSecretKey: ((secret: Buffer) => {
      made.push(secret)
      return crypto.createSecretKey(secret)
    }) as typeof crypto.createSecretKey,
  })
  const secrets = [crypto.randomBytes(32), crypto.randomBytes(100)]
  for (const text of ['one', 'two']) {
    for (const secret of secrets) {
      const expected = crypto.createHmac('sha256', secret).update(text).digest('hex')
      t.equal(createHmac('sha256', secret).update(text).digest('hex'), expected)
    }
  }
  t.same(made, secrets)
  t.end()
})
