import t from 'tap'
import { readStoreAddress } from '../../../../src/scanner/protocol/valkey/store-address.ts'

t.test('a user is written as in any URL, and a wrong escape is refused', async (t) => {
  t.match(readStoreAddress('valkey://a%40b@h:1/2'), { user: 'a@b', database: 2 })
  t.equal(readStoreAddress('valkey://100%@h'), undefined)
  t.equal(readStoreAddress('valkey://%ff@h'), undefined)
})

t.test('an address with a password is a fault', async (t) => {
  t.throws(() => readStoreAddress('valkey://a:b@h'), /put it into a file/)
})
