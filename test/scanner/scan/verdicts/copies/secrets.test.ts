import * as crypto from 'node:crypto'
import t from 'tap'
import { parseKeyring } from '../../../../../src/scanner/scan/stamps/keyring.ts'
import {
  deriveSecrets,
  keyMark,
  sharedKey,
} from '../../../../../src/scanner/scan/verdicts/copies/secrets.ts'

/** The key that hosts share, and what is made from it: part of the format, so the same in each release. */

const secret = Buffer.alloc(32, 7)
const hmac = (text: string) => crypto.createHmac('sha256', secret).update(text).digest()

t.test('fingerprints, seals and the mark of a key have secrets of their own', async (t) => {
  t.same(deriveSecrets(secret, crypto), {
    fingerprint: hmac('onescan-verdict/1 fingerprint\n'),
    seal: hmac('onescan-verdict/1 seal\n'),
  })
  t.equal(`${keyMark(secret, crypto)}`, hmac('onescan-verdict/1 mark\n').toString('base64url'))
})

t.test('the hosts share the current hmac-sha256 key whose id sorts first', async (t) => {
  const now = Date.parse('2026-06-01') / 1000
  const key = (id: string, more = '') =>
    `hmac-sha256:${id}:${secret.toString('base64url')}${more}\n`
  const idOf = (ring: string) => sharedKey(parseKeyring(ring, 'ring'), now)?.id
  t.equal(idOf(key('b') + key('a') + key('c')), 'a')
  t.equal(idOf(key('a') + key('b')), 'a')
  t.equal(idOf(key('b') + key('a', ':until=2026-05-31')), 'b')
  t.equal(idOf(key('b') + key('a', ':until=2026-06-01')), 'a')
  t.equal(idOf(`md5:a:sesame\n${key('b')}`), 'b')
  t.equal(idOf('md5:a:sesame\n'), undefined)
  t.equal(idOf(key('a', ':until=2026-05-31')), undefined)
})
