import * as crypto from 'node:crypto'
import t from 'tap'
import { parseKeyring } from '../../../../src/scanner/scan/stamps/keyring.ts'
import { explainStamps } from '../../../../src/scanner/scan/stamps/verify-stamps.ts'
import { examine } from './hashed-message.ts'
import { hmacValue, md5Hex } from './independent.ts'

/** Explanations of the stamps of a message, each by itself, for people who ask why. */

const NOW = Date.parse('2026-06-01') / 1000
const secret = Buffer.alloc(32, 7)
const plain = Buffer.from('Subject: x\n\nHello\n')
const hmac = (id: string, more = '') => `hmac-sha256:${id}:${secret.toString('base64url')}${more}\n`

function explained(fields: string, ring: string, text = plain.toString()) {
  const message = Buffer.from(fields + text)
  return explainStamps(examine(message), {
    keys: parseKeyring(ring, 'ring'),
    maxAgeSeconds: 3600,
    now: NOW,
    signatureDate: () => undefined,
    crypto,
  })
}

const stamp = (id: string, scanners = 'clamd', time = NOW) =>
  `X-SHA256-Cluster-1: ${hmacValue(plain, secret, { id, time, scanners })}\n`
const md5 = (key: string) => `X-MD5-Cluster-2: ${md5Hex(plain, key)}\n`

t.test('a stamp that holds is explained by its key, its scanners and its time', async (t) => {
  const claims = { scanners: ['clamd', 'everypart'], time: NOW }
  t.same(explained(stamp('a', 'clamd,everypart'), hmac('a')), [
    { field: 'X-SHA256-Cluster-1', key: 'a', fault: undefined, claims },
  ])
  t.same(explained(stamp('a', ''), hmac('a'))[0]?.claims?.scanners, [])
  t.same(explained(md5('sesame'), 'md5:old:sesame\n'), [
    { field: 'X-MD5-Cluster-2', key: 'old', fault: undefined, claims: undefined },
  ])
})

t.test('all stamps are explained in the order of the header, and no other fields', async (t) => {
  const fields = `Received: x\n${md5('sesame')}X-Other: y\n${stamp('a')}X-MD5-Cluster-3: odd\n`
  t.same(
    explained(fields, `${hmac('a')}md5:old:sesame\n`).map(({ field, fault }) => [field, fault]),
    [
      ['X-MD5-Cluster-2', undefined],
      ['X-SHA256-Cluster-1', undefined],
      ['X-MD5-Cluster-3', 'its value is not a valid stamp'],
    ],
  )
})

t.test('a stamp that does not hold is explained by the reason', async (t) => {
  const foul = (fields: string, ring: string, text?: string) => {
    const [{ key, fault } = { key: '', fault: '' }] = explained(fields, ring, text)
    return [key, fault]
  }
  const other = 'Subject: x\n\nHullo\n'
  const past = ':until=2026-05-31'
  t.same(foul(stamp('b'), hmac('a')), [undefined, 'no key b in the keyring'])
  t.same(foul(stamp('old'), 'md5:old:sesame\n'), [undefined, 'no key old in the keyring'])
  t.same(foul(stamp('a'), hmac('b') + hmac('a', past)), ['a', 'the key expired on 2026-05-31'])
  const changed = 'header, body or stamp was changed, or the secret differs'
  t.same(foul(stamp('a'), hmac('a'), other), ['a', changed])
  t.same(foul(stamp('a', 'x', NOW - 3601), hmac('a')), ['a', 'stamp is 60 min 1 s old'])
  const notMade = 'no md5 key of the keyring made it over this body'
  t.same(foul(md5('sesame'), `${hmac('a')}md5:old:other\n`), [undefined, notMade])
  t.same(foul(md5('sesame'), hmac('a')), [undefined, 'no md5 key in the keyring'])
  t.same(foul(md5('sesame'), `md5:old:sesame${past}\n`), ['old', 'the key expired on 2026-05-31'])
  t.match(explained(stamp('b'), hmac('a')), [{ claims: { scanners: ['clamd'], time: NOW } }])
})
