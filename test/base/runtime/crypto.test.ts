import crypto from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'
import t from 'tap'
import { loadCrypto } from '../../../src/base/runtime/crypto.ts'

t.test('an HMAC is that of node:crypto, and the key of a secret is made once', async (t) => {
  const made: unknown[] = []
  const { createSecretKey } = crypto
  t.teardown(() => {
    crypto.createSecretKey = createSecretKey
    syncBuiltinESMExports()
  })
  crypto.createSecretKey = ((secret: Buffer) => {
    made.push(secret)
    return createSecretKey(secret)
  }) as typeof createSecretKey
  syncBuiltinESMExports()
  const { createHmac } = await loadCrypto()
  const secrets = [crypto.randomBytes(32), crypto.randomBytes(100)]
  for (const text of ['one', 'two']) {
    for (const secret of secrets) {
      const expected = crypto.createHmac('sha256', secret).update(text).digest('hex')
      t.equal(createHmac('sha256', secret).update(text).digest('hex'), expected)
    }
  }
  t.same(made, secrets)
})
