import * as crypto from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import type { CachedVerdict } from '../../../../../src/scanner/scan/verdicts/copies/fresh.ts'
import { deriveSecrets } from '../../../../../src/scanner/scan/verdicts/copies/secrets.ts'
import {
  openSealed,
  SEALED_MAX,
  sealVerdict,
} from '../../../../../src/scanner/scan/verdicts/store/seal.ts'

const { seal: secret, fingerprint: other } = deriveSecrets(Buffer.alloc(32, 7), crypto)
const print = Buffer.alloc(32, 1).toString('base64url')

const clean: CachedVerdict = {
  found: { answer: 'clean' },
  scanners: ['clamd', 'eicar'],
  signatures: 'clamd=ClamAV 1.4.3/27600/Tue Apr  8 08:43:46 2025',
  time: 1_800_000_000,
  host: 'mx1.example.org',
}
const infected: CachedVerdict = {
  ...clean,
  found: { answer: 'infected', name: 'Eicar-Test-Signature', scanner: 'clamd' },
}

const sealed = (verdict = clean, fingerprint = print) =>
  sealVerdict(verdict, fingerprint, secret, crypto)
const open = (bytes: Buffer, fingerprint = print) => openSealed(bytes, fingerprint, secret, crypto)

t.test('a verdict is opened as it was sealed', async (t) => {
  for (const verdict of [clean, infected, { ...clean, signatures: '' }]) {
    t.same(open(sealed(verdict)), verdict)
  }
})

// promise: verdict-forged
t.test('the verdict about one message does not open for another', async (t) => {
  t.equal(open(sealed(), Buffer.alloc(32, 2).toString('base64url')), undefined)
})

t.test('without the secret no verdict is sealed or opened', async (t) => {
  t.equal(open(sealVerdict(clean, print, other, crypto)), undefined)
  t.equal(openSealed(sealed(), print, other, crypto), undefined)
})

// promise: verdict-forged
t.test('no byte of a sealed verdict can be changed, added or removed', async (t) => {
  const whole = sealed(infected)
  fc.assert(
    fc.property(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const changed = Buffer.from(whole)
      changed[at] = changed[at]! ^ flip
      t.equal(open(changed), undefined)
      t.equal(open(whole.subarray(0, at)), undefined)
      t.equal(open(Buffer.concat([whole, whole.subarray(0, at + 1)])), undefined)
    }),
    { numRuns: 500, seed: 13 },
  )
})

t.test('bytes that are not sealed are not accepted as a verdict', async (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: SEALED_MAX + 100 }), (array) => {
      t.equal(open(Buffer.from(array)), undefined)
    }),
    { numRuns: 200, seed: 13 },
  )
})

t.test('a sealed verdict is bounded, and is lines of printable ASCII', async (t) => {
  const verdict: CachedVerdict = {
    ...clean,
    host: 'x'.repeat(10_000),
    found: {
      answer: 'infected',
      name: `Evil\nclean\n\u00e9${'y'.repeat(10_000)}`,
      scanner: 'a\0b',
    },
  }
  const bytes = sealed(verdict)
  t.ok(bytes.length < SEALED_MAX)
  t.match(bytes.subarray(32).toString('latin1'), /^[ -~\n]+$/)
  const opened = open(bytes)
  t.match(opened?.found, { answer: 'infected', scanner: 'a?b' })
  t.match(opened?.found.answer === 'infected' && opened.found.name, /^Evil\?clean\?\?y+$/)
})

const mac = (text: string) => {
  const bytes = Buffer.from(text)
  const code = crypto.createHmac('sha256', secret).update(print, 'base64url').update(bytes).digest()
  return Buffer.concat([code, bytes])
}

t.test('sealed bytes that are longer than a verdict are not one', async (t) => {
  const lines = (host: string) => `onescan-verdict/1\nclean\n5\n${host}\ns\nc\n`
  const room = SEALED_MAX - mac(lines('')).length
  t.match(open(mac(lines('h'.repeat(room)))), { time: 5 })
  t.equal(open(mac(lines('h'.repeat(room + 1)))), undefined)
})

t.test('a sealed verdict of another format or of too few lines is ignored', async (t) => {
  t.match(open(mac('onescan-verdict/1\nclean\n5\nh\ns\nc\n')), { time: 5 })
  const infected = 'onescan-verdict/1\ninfected\n5\nh\ns\nc\n'
  t.match(open(mac(`${infected}clamd\nEicar\n`)), { found: { scanner: 'clamd', name: 'Eicar' } })
  for (const text of [
    'onescan-verdict/2\nclean\n5\nh\ns\nc\n',
    'onescan-verdict/1\nclean\nlater\nh\ns\nc\n',
    'onescan-verdict/1\nclean\n5\nh\ns\n',
    'onescan-verdict/1\nclean\n5\nh\ns\nc\nmore\n',
    'onescan-verdict/1\nunknown\n5\nh\ns\nc\n',
    'onescan-verdict/1\nclean\n5x\nh\ns\nc\n',
    'onescan-verdict/1\nclean\nx5\nh\ns\nc\n',
    'onescan-verdict/1\nclean\n1234567890123\nh\ns\nc\n',
    'onescan-verdict/1\nclean\n5\nh\ns\nc',
    'onescan-verdict/1\nclean\n5',
    'onescan-verdict/1\nunknown\n5\nh\ns\nc\nclamd\nEicar\n',
    infected,
    `${infected}clamd\n`,
    `${infected}clamd\n\n`,
    `${infected}\nEicar\n`,
    `${infected}clamd\nEicar`,
    `${infected}clamd\nEicar\nmore\n`,
    '\n',
  ]) {
    t.equal(open(mac(text)), undefined, text)
  }
})

t.test('the seal is the one that the documents describe', async (t) => {
  const lines = sealed(infected).subarray(32)
  t.equal(
    lines.toString(),
    'onescan-verdict/1\ninfected\n1800000000\nmx1.example.org\n' +
      'clamd=ClamAV 1.4.3/27600/Tue Apr  8 08:43:46 2025\nclamd,eicar\nclamd\nEicar-Test-Signature\n',
  )
  t.equal(
    sealed(infected).subarray(0, 32).toString('hex'),
    '62f865ef59d3e9be3642430235cca83eb3127635eb0accc384ef2c4c20057755',
  )
})
