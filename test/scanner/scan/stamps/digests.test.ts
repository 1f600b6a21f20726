import crypto, { type Hash } from 'node:crypto'
import { tmpdir } from 'node:os'
import t from 'tap'
import { Header } from '../../../../src/mail/message/header-block.ts'
import { messageOf } from '../../../../src/mail/message/intake.ts'
import { parseKeyring } from '../../../../src/scanner/scan/stamps/keyring.ts'
import { digestsFor, verifyStamps } from '../../../../src/scanner/scan/stamps/verify-stamps.ts'

const hmac = `hmac-sha256:new:${Buffer.alloc(32, 1).toString('base64url')}\n`
const now = Date.parse('2026-06-01') / 1000

function wanted(header: string, ring: string): string {
  const { wantsMd5, wantsSha256 } = digestsFor(
    new Header(Buffer.from(header)),
    parseKeyring(ring, 'ring'),
    now,
  )
  return [wantsMd5 && 'md5', wantsSha256 && 'sha256'].filter(Boolean).join(' ')
}

t.test('mail without stamps is hashed for the key that will sign it', async (t) => {
  t.equal(wanted('A: b\n\n', `${hmac}md5:old:sesame\n`), 'sha256')
  t.equal(wanted('A: b\n\n', `md5:old:sesame\n${hmac}`), 'md5')
  t.equal(wanted('A: b\n\n', `md5:old:sesame:until=2026-05-31\n${hmac}`), 'sha256')
})

t.test('mail with stamps is hashed for their schemes that the keyring has, too', async (t) => {
  t.equal(wanted('x-md5-cluster-7 : x\n\n', `${hmac}md5:old:sesame\n`), 'md5 sha256')
  t.equal(wanted('X-MD5-Cluster-1: x\n\n', hmac), 'sha256')
  t.equal(wanted('A: b\nX-SHA256-Cluster-1:\n x\n\n', `md5:old:sesame\n${hmac}`), 'md5 sha256')
  t.equal(wanted('A: b\n X-MD5-Cluster-1: x\n\n', `${hmac}md5:old:sesame\n`), 'sha256')
})

t.test('mail is hashed for its stamps alone if no key is current', async (t) => {
  t.equal(wanted('A: b\n\n', 'md5:old:sesame:until=2026-05-31\n'), '')
  t.equal(wanted('X-MD5-Cluster-1: x\n\n', 'md5:old:sesame:until=2026-05-31\n'), 'md5')
})

t.test('4,000 stamps with known key ids cost one pass over the body for each scheme', async (t) => {
  const keys = parseKeyring(`${hmac}md5:old:sesame\n`, 'ring')
  const mac = Buffer.alloc(32).toString('base64url')
  const stamps = Array.from({ length: 2000 }, (_, i) => {
    const claims = `v=1; k=new; t=${now}; s=x; h=${mac}`
    return `X-SHA256-Cluster-${i + 1}: ${claims}\nX-MD5-Cluster-${i + 1}: ${'0'.repeat(32)}\n`
  })
  const header = `${stamps.join('')}Subject: x\n\n`
  const body = Buffer.alloc(4_000_000, '0123456789abcde\n')
  let hashed = 0
  const counting = (hash: Hash): Hash =>
    Object.assign(Object.create(hash), {
      update(data: string | Buffer) {
        hashed += data.length
        hash.update(data)
        return this
      },
      copy: () => counting(hash.copy()),
      digest: (...form: Parameters<Hash['digest']>) => hash.digest(...form),
    })
  const createHash = (algorithm: string) => counting(crypto.createHash(algorithm))
  const message = messageOf(Buffer.concat([Buffer.from(header), body]), {
    spool: { directory: tmpdir(), sharedDirectory: undefined },
    digestsFor: (block) => digestsFor(block, keys, now),
    createHash,
  })
  const trust = verifyStamps(message, {
    keys,
    maxAgeSeconds: 3600,
    now,
    signatureDate: () => undefined,
    crypto: { ...crypto, createHash },
  })
  t.match(trust, { isTrusted: false })
  t.ok(hashed >= 2 * body.length, `${hashed} bytes`)
  t.ok(hashed < 2.2 * body.length, `${hashed} bytes`)
})
