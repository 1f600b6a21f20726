import t from 'tap'
import { digestsFor } from '../../src/cluster/digests.ts'
import { parseKeyring } from '../../src/cluster/keyring.ts'

const hmac = `hmac-sha256:new:${Buffer.alloc(32, 1).toString('base64url')}\n`
const now = Date.parse('2026-06-01') / 1000

function wanted(header: string, ring: string): string {
  const { md5, sha256 } = digestsFor(Buffer.from(header), parseKeyring(ring, 'ring'), now)
  return [md5 && 'md5', sha256 && 'sha256'].filter(Boolean).join(' ')
}

t.test('mail without stamps is hashed for the key that signs', async (t) => {
  t.equal(wanted('A: b\n\n', `${hmac}md5:old:sesame\n`), 'sha256')
  t.equal(wanted('A: b\n\n', `md5:old:sesame\n${hmac}`), 'md5')
  t.equal(wanted('A: b\n\n', `md5:old:sesame:until=2026-05-31\n${hmac}`), 'sha256')
})

t.test('stamps are hashed for as well, where the ring has keys of their scheme', async (t) => {
  t.equal(wanted('x-md5-cluster-7 : x\n\n', `${hmac}md5:old:sesame\n`), 'md5 sha256')
  t.equal(wanted('X-MD5-Cluster-1: x\n\n', hmac), 'sha256')
  t.equal(wanted('A: b\nX-SHA256-Cluster-1:\n x\n\n', `md5:old:sesame\n${hmac}`), 'md5 sha256')
  t.equal(wanted('A: b\n X-MD5-Cluster-1: x\n\n', `${hmac}md5:old:sesame\n`), 'sha256')
})

t.test('without a key that is current, only stamps are', async (t) => {
  t.equal(wanted('A: b\n\n', 'md5:old:sesame:until=2026-05-31\n'), '')
  t.equal(wanted('X-MD5-Cluster-1: x\n\n', 'md5:old:sesame:until=2026-05-31\n'), 'md5')
})
