import t from 'tap'
import { readStoreAddress } from '../../../../src/scanner/protocol/valkey/store-address.ts'

t.test('a user is written as in any URL, and what is none makes no address', async (t) => {
  t.match(readStoreAddress('valkey://a%40b@h:1/2'), { user: 'a@b', database: 2 })
  t.equal(readStoreAddress('valkey://100%@h'), undefined)
  t.equal(readStoreAddress('valkey://%ff@h'), undefined)
})

t.test('a password in it is a fault', async (t) => {
  t.throws(() => readStoreAddress('valkey://a:b@h'), /put it into a file/)
})
