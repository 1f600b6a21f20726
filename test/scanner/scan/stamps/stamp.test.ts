import * as crypto from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { FREE_MAX } from '../../../../src/mail/message/content-fields.ts'
import {
  editHeader,
  type FieldSpan,
  HEADER_MAX,
  Header,
} from '../../../../src/mail/message/header-block.ts'
import { type Key, parseKeyring } from '../../../../src/scanner/scan/stamps/keyring.ts'
import { signMessage, signRelease } from '../../../../src/scanner/scan/stamps/sign.ts'
import {
  EVERY_PART,
  nextNumber,
  RELEASED,
  scannerName,
  stampName,
  stampsIn,
} from '../../../../src/scanner/scan/stamps/stamp.ts'
import {
  NO_STAMP,
  type VerifyOptions,
  verifyStamps,
} from '../../../../src/scanner/scan/stamps/verify-stamps.ts'
import { examine } from './hashed-message.ts'
import { hmacValue, md5Hex } from './independent.ts'

const CANDIDATES_MAX = 16
const NOW = 1_800_000_000
const secret = Buffer.alloc(32, 7)
const [alpha, beta] = parseKeyring(
  `hmac-sha256:alpha:${secret.toString('base64url')}\nhmac-sha256:beta:${Buffer.alloc(32, 9).toString('base64url')}\n`,
  'ring',
) as [Key, Key]
const [md5Key] = parseKeyring('md5:old:sesame\n', 'ring') as [Key]

const bytes = (text: string) => Buffer.from(text, 'latin1')

function verify(message: Buffer, setup: Partial<VerifyOptions> = {}) {
  return verifyStamps(examine(message), {
    keys: [alpha, md5Key],
    maxAgeSeconds: 3600,
    now: NOW,
    signatureDate: () => undefined,
    crypto,
    ...setup,
  })
}

/** `message` with the stamp that `key` makes at `now`. */
function stamped(message: Buffer, key: Key, now = NOW, scanners = ['clamd']): Buffer {
  const hashed = examine(message)
  const made = signMessage(hashed, scanners, { keys: [key], now, crypto })
  if (!made) return message
  const end = hashed.header.length
  const header = editHeader(hashed.header, { remove: [], add: [made.field] })
  return Buffer.concat([header, message.subarray(end)])
}

const withTop = (field: string, message: Buffer) => Buffer.concat([bytes(`${field}\n`), message])

const plain = bytes(
  'From: a@example.org\nSubject:  two \n\tlines\nContent-Type: text/plain\n\nHello\n',
)

t.test('a message is signed as an independent implementation signs it', async (t) => {
  const word = fc.constantFrom('a', ' ', '\t', 'B:', '\xe9', 'From', '=', '(')
  const value = fc.array(word, { maxLength: 6 }).map((words) => words.join(''))
  const field = fc.tuple(
    fc.constantFrom('Subject', 'X-qhpsi', 'x-MD5-Cluster-3', 'To', 'content-TYPE', 'received'),
    value,
    fc.array(value, { maxLength: 2 }),
  )
  const header = fc
    .array(field, { minLength: 1, maxLength: 5 })
    .map((fields) =>
      fields
        .map(([name, first, folds]) => `${name}:${first}\n${folds.map((f) => ` x${f}\n`).join('')}`)
        .join(''),
    )
  fc.assert(
    fc.property(header, fc.constantFrom('', 'body', 'body\n', '\n\n', '\0\xff'), (head, body) => {
      const message = bytes(`${head}\n${body}`)
      const claims = { id: 'alpha', time: NOW, scanners: 'clamd' }
      const line = stamped(message, alpha).toString('latin1').split('\n')[0]
      t.equal(line, `X-SHA256-Cluster-1: ${hmacValue(message, secret, claims)}`)
      const old = stamped(message, md5Key).toString('latin1').split('\n')[0]
      t.match(old, new RegExp(`^X-MD5-Cluster-[14]: ${md5Hex(message, 'sesame')}$`))
    }),
    { numRuns: 200 },
  )
})

t.test('an md5 stamp covers all scanners, an hmac-sha256 one those named', async (t) => {
  t.match(verify(stamped(plain, md5Key)), { scanners: 'all' })
  const both = stamped(plain, alpha, NOW, ['clamd', 'my scan.js'])
  t.same(verify(both), {
    isTrusted: true,
    key: 'alpha',
    scanners: [new Set(['clamd', 'my%20scan.js'])],
    stamp: 0,
  })
})

t.test('two valid stamps count separately, each for its scanners', async (t) => {
  const message = stamped(stamped(plain, alpha, NOW, ['one']), beta, NOW, ['two'])
  t.same(verify(message, { keys: [alpha, beta] }), {
    isTrusted: true,
    key: 'beta',
    scanners: [new Set(['two']), new Set(['one'])],
    stamp: 0,
  })
})

t.test('a line that scanners cut, in a field that a stamp does not bind, breaks it', async (t) => {
  const stampedMail = stamped(plain, alpha)
  const fieldOf = (length: number) => `Received: ${'x'.repeat(length - 'Received: '.length)}`
  const below = (field: string) =>
    bytes(stampedMail.toString('latin1').replace('Subject:', `${field}\nSubject:`))
  const folded = `${fieldOf(998)}\n\t${'y'.repeat(997)}`
  for (const put of [(field: string) => withTop(field, stampedMail), below]) {
    for (const field of [fieldOf(998), folded]) t.match(verify(put(field)), { isTrusted: true })
    for (const field of [fieldOf(999), `${folded}z`]) {
      t.match(verify(put(field)), { isTrusted: false, reason: /a line of more than 998 bytes/ })
    }
  }
})

// promise: stamp-young
t.test('a message that is not well formed is neither trusted nor signed', async (t) => {
  const good = stamped(plain, alpha).toString('latin1')
  const md5 = stamped(plain, md5Key).toString('latin1')
  const changes: readonly ((text: string) => string)[] = [
    (text) => text.replace('\n\n', '\n').replace(/\n$/, ''),
    (text) => `no field\n${text}`,
    (text) => `(c)Content-Type: x\n${text}`,
    (text) => `A: \0\n${text}`,
    (text) => `A: b\rContent-Type: x\n${text}`,
    (text) => `From x\n${text}`,
    (text) => text.replace('Hello\n', 'Hello\r\n'),
    (text) => text.replace('Hello', 'Hel\rlo'),
  ]
  for (const change of changes) {
    t.match(verify(bytes(change(good))), { isTrusted: false, reason: /^not well formed: / })
    t.match(verify(bytes(change(md5))), { isTrusted: false, reason: /^not well formed: / })
    const unsigned = bytes(change(plain.toString('latin1')))
    t.equal(stamped(unsigned, alpha), unsigned)
    t.equal(stamped(unsigned, md5Key), unsigned)
  }
})

// promise: stamp-young
t.test('a stamp is too old after maxAge, and a clock may be 300 seconds ahead', async (t) => {
  const at = (time: number) => verify(stamped(plain, alpha, time))
  t.match(at(NOW - 3600), { isTrusted: true })
  t.match(at(NOW - 3601), { isTrusted: false, reason: /60 min 1 s old/ })
  t.match(at(NOW + 300), { isTrusted: true })
  t.match(at(NOW + 301), { isTrusted: false, reason: /5 min 1 s in the future/ })
})

// promise: stamp-young
t.test('a stamp from before the last signature update does not hold', async (t) => {
  const message = stamped(plain, alpha)
  t.match(verify(message, { signatureDate: () => NOW }), { isTrusted: true })
  t.match(verify(message, { signatureDate: () => NOW + 1 }), {
    isTrusted: false,
    reason: /this host has had new signatures since; stamps made from \d{4}-\S+Z on are trusted/,
  })
})

// promise: key-limits
t.test('a key past its date neither signs nor verifies', async (t) => {
  const old = { ...alpha, until: '2020-01-01' }
  t.match(verify(stamped(plain, alpha), { keys: [old] }), { isTrusted: false })
  t.equal(stamped(plain, old), plain)
})

// promise: key-limits
t.test('a key signs and verifies by its own scheme alone', async (t) => {
  const sameSecret: Key = { ...md5Key, id: 'alpha', secret }
  t.match(verify(stamped(plain, alpha), { keys: [sameSecret] }), { isTrusted: false })
  const other: Key = { ...alpha, secret: md5Key.secret }
  t.match(verify(stamped(plain, md5Key), { keys: [other] }), { isTrusted: false })
})

t.test('foreign stamps hide no stamp of a known key', async (t) => {
  const foreign = (name: string) =>
    Array.from({ length: 4000 }, (_, i) => `${name}${i + 2}: ${'0'.repeat(32)}\n`).join('')
  const good = stamped(plain, md5Key).toString()
  t.match(verify(bytes(foreign('X-MD5-Cluster-') + good)), { isTrusted: true, key: 'old' })
  const unknown = hmacValue(plain, secret, { id: 'unknown', time: NOW, scanners: 'x' })
  const many = Array.from({ length: 400 }, (_, i) => `X-SHA256-Cluster-${i + 2}: ${unknown}\n`)
  t.match(verify(bytes(many.join('') + stamped(plain, alpha).toString())), { isTrusted: true })
})

// promise: stamp-young
t.test('at most sixteen stamps of known keys are verified', async (t) => {
  const forged = hmacValue(plain, Buffer.alloc(32), { id: 'alpha', time: NOW, scanners: 'x' })
  const fields = (count: number) =>
    Array.from({ length: count }, (_, i) => `X-SHA256-Cluster-${i + 2}: ${forged}\n`).join('')
  const good = stamped(plain, alpha).toString()
  t.match(verify(bytes(fields(CANDIDATES_MAX - 1) + good)), { isTrusted: true })
  t.match(verify(bytes(fields(CANDIDATES_MAX) + good)), { isTrusted: false })
})

/** A header that counts the bytes of fields that were read. */
class CountingHeader extends Header {
  read = 0
  override textOf(field: FieldSpan): string {
    this.read += field.end - field.start
    return super.textOf(field)
  }
  override valueOf(field: FieldSpan): string {
    this.read += field.end - field.start
    return super.valueOf(field)
  }
}

t.test('forged stamps cause only a few reads of a large header', async (t) => {
  const claims = `v=1; k=alpha; t=${NOW}; s=clamd; h=${'A'.repeat(43)}`
  const line = (name: string, n: number) => `${name}: ${n} ${'x'.repeat(900)}\n`
  const fields = (name: string, count: number) =>
    Array.from({ length: count }, (_, n) => line(name, n)).join('')
  let hashed = 0
  const countHashed = ((algorithm: string) => {
    const hash = crypto.createHash(algorithm)
    const update = hash.update.bind(hash)
    return Object.assign(hash, {
      update(data: string | Buffer) {
        hashed += data.length
        return update(data as string)
      },
    })
  }) as typeof crypto.createHash
  for (const name of ['Received', 'X-Any']) {
    const apart = Array.from({ length: CANDIDATES_MAX }, (_, n) => {
      return `X-SHA256-Cluster-${n + 2}: ${claims}\n${fields(name, 60)}`
    })
    const message = examine(bytes(`${apart.join('')}${plain.toString()}`))
    const header = new CountingHeader(message.header.bytes)
    hashed = 0
    const trust = verifyStamps(
      { ...message, header },
      {
        keys: [alpha],
        maxAgeSeconds: 3600,
        now: NOW,
        signatureDate: () => undefined,
        crypto: { ...crypto, createHash: countHashed },
      },
    )
    t.match(trust, { isTrusted: false, reason: /header, body or stamp was changed/ })
    t.ok(header.read <= 3 * header.length, `${name}: read ${header.read} of ${header.length}`)
    t.ok(hashed <= 2 * HEADER_MAX, `${name}: hashed ${hashed} of ${header.length}`)
  }
})

t.test('a stamp is invalid with 64 KiB of fields that it does not cover', async (t) => {
  const good = stamped(plain, alpha)
  const fieldsOf = (size: number) => `Received: ${'x'.repeat(89)}\n`.repeat(size / 100)
  const below = (fields: string) =>
    bytes(good.toString('latin1').replace('Subject:', `${fields}Subject:`))
  for (const put of [(fields: string) => withTop(fields.slice(0, -1), good), below]) {
    t.match(verify(put(fieldsOf(FREE_MAX - 100))), { isTrusted: true })
    t.match(verify(put(fieldsOf(FREE_MAX + 100))), {
      isTrusted: false,
      reason: /more than 65536 bytes/,
    })
  }
})

t.test('a new stamp has the lowest number that no field of its scheme has', async (t) => {
  const next = (names: readonly string[], scheme: 'md5' | 'hmac-sha256' = 'md5') => {
    const block = bytes(`${names.map((name) => `${name}: x\n`).join('')}\n`)
    return nextNumber(new Header(block).fields, scheme)
  }
  t.equal(next([]), 1)
  t.equal(next(['X-MD5-Cluster-1', 'x-md5-cluster-2']), 3)
  t.equal(next(['X-MD5-Cluster-2']), 1)
  t.equal(next(['X-MD5-Cluster-01']), 2)
  t.equal(next([`X-MD5-Cluster-${'9'.repeat(30)}`]), 1)
  t.equal(next(['X-SHA256-Cluster-1']), 1, 'the other name counts for itself')
  t.equal(next(['X-SHA256-Cluster-1'], 'hmac-sha256'), 2)
})

t.test('only exact field names are those of stamps', async (t) => {
  t.same(stampName('X-MD5-Cluster-007'), { scheme: 'md5', number: '7' })
  t.same(stampName('X-MD5-Cluster-100'), { scheme: 'md5', number: '100' })
  t.same(stampName('x-sha256-CLUSTER-0'), { scheme: 'hmac-sha256', number: '0' })
  for (const name of [
    'X-MD5-Cluster-',
    'X-MD5-Cluster-1a',
    'X-MD5-Cluster--1',
    'XX-MD5-Cluster-1',
    'X-SHA1-Cluster-1',
  ]) {
    t.equal(stampName(name), undefined, name)
  }
})

t.test('a stamp in the body is text', async (t) => {
  const message = bytes(`A: b\n\n${stamped(plain, md5Key).toString()}`)
  t.same(verify(message), { isTrusted: false, reason: NO_STAMP })
})

t.test('the log has the reason why the first stamp of a known key is invalid', async (t) => {
  const whyOf = (message: Buffer, setup?: Partial<VerifyOptions>) => {
    const trust = verify(message, setup)
    return trust.isTrusted ? 'trusted' : trust.reason
  }
  t.equal(whyOf(plain), 'no stamp')
  t.equal(whyOf(stamped(plain, beta)), 'no stamp of a key in the keyring')
  t.equal(whyOf(stamped(plain, alpha, NOW + 301)), 'key alpha: stamp is 5 min 1 s in the future')
  const changed = bytes(stamped(plain, alpha).toString('latin1').replace('Hello', 'Hullo'))
  t.equal(whyOf(changed), 'key alpha: header, body or stamp was changed, or the secret differs')
  const both = stamped(stamped(plain, alpha, NOW - 5000), beta, NOW - 4000)
  t.equal(whyOf(both, { keys: [alpha, beta] }), 'key beta: stamp is 66 min 40 s old')
})

t.test('a message whose body was not hashed is neither trusted nor signed', async (t) => {
  const digests = { md5: undefined, sha256: undefined }
  const options = { maxAgeSeconds: 3600, now: NOW, signatureDate: () => undefined, crypto }
  for (const key of [alpha, md5Key]) {
    const { header, canonical } = examine(stamped(plain, key))
    const message = { header, canonical: { ...canonical, digests } }
    const reason =
      key === alpha ? 'key alpha: the body was not hashed' : 'no stamp of a key in the keyring'
    t.match(verifyStamps(message, { ...options, keys: [key] }), { isTrusted: false, reason })
    t.equal(signMessage(message, ['x'], { keys: [key], now: NOW, crypto }), undefined)
  }
})

t.test('adjacent stamps cost one digest of the fields below them', async (t) => {
  const forged = hmacValue(plain, Buffer.alloc(32), { id: 'alpha', time: NOW, scanners: 'x' })
  const stamps = (from: number) =>
    Array.from({ length: 5 }, (_, i) => `X-SHA256-Cluster-${from + i}: ${forged}\n`).join('')
  let digests = 0
  const createHash = (algorithm: string) => {
    digests++
    return crypto.createHash(algorithm)
  }
  const counting = { ...crypto, createHash }
  verify(bytes(`${stamps(1)}Received: x\n${stamps(6)}${plain.toString('latin1')}`), {
    crypto: counting,
  })
  t.equal(digests, 1)
  verify(bytes(`${stamps(1)}Subject: x\n${stamps(6)}${plain.toString('latin1')}`), {
    crypto: counting,
  })
  t.equal(digests, 3, 'and two with a field between them')
})

t.test('a stamp bears the time at which the scan began, and never a future one', async (t) => {
  const timeOf = (since: number) => {
    const options = { keys: [alpha], now: NOW, since, crypto }
    return /t=(\d+)/.exec(signMessage(examine(plain), ['clamd'], options)!.field.value)?.[1]
  }
  t.equal(timeOf(NOW - 80), `${NOW - 80}`)
  t.equal(timeOf(NOW + 80), `${NOW}`)
})

t.test('a release is signed by an hmac-sha256 key, with a word no scanner can have', async (t) => {
  const releasing = { ...beta, mayRelease: true }
  const keys = [md5Key, alpha, releasing]
  const to = ['Ann@Example.org', 'ben@example.org']
  const made = signRelease(examine(plain), to, { keys, now: NOW, crypto })
  t.equal(made?.key, 'beta', 'the first key that may release')
  const words = to.map((address) => {
    const digest = crypto.createHash('sha256').update(address.toLowerCase()).digest()
    return `!to-${digest.subarray(0, 12).toString('base64url')}`
  })
  const claims = { id: 'beta', time: NOW, scanners: ['!released', ...words].join(',') }
  t.same(made?.field, {
    name: 'X-SHA256-Cluster-1',
    value: hmacValue(plain, Buffer.alloc(32, 9), claims),
  })
  t.equal(signRelease(examine(plain), to, { keys: [md5Key, alpha], now: NOW, crypto }), undefined)
  const mail = Buffer.concat([Buffer.from(`X-SHA256-Cluster-1: ${made!.field.value}\n`), plain])
  const wordsFor = (ring: readonly Key[]) => {
    const trust = verifyStamps(examine(mail), {
      keys: ring,
      maxAgeSeconds: 3600,
      now: NOW,
      signatureDate: () => undefined,
      crypto,
    })
    return trust.isTrusted && trust.scanners !== 'all' ? [...trust.scanners[0]!] : []
  }
  t.same(wordsFor([releasing]), ['!released', ...words])
  t.same(wordsFor([{ ...releasing, mayRelease: false }]), [], 'of another key they do not count')
  t.equal(RELEASED, '!released')
  t.not(scannerName(RELEASED), RELEASED, 'no scanner can have that name')
  t.equal(EVERY_PART, 'everypart', 'a word of the format')
})

t.test('newer signatures invalidate the results of scanners, but no release', async (t) => {
  const releasing = { ...beta, mayRelease: true }
  const trustOf = ({ field }: { field: { name: string; value: string } }, keys: readonly Key[]) => {
    const mail = Buffer.concat([bytes(`${field.name}: ${field.value}\n`), plain])
    const signatureDate = () => NOW + 900
    return verifyStamps(examine(mail), {
      keys,
      maxAgeSeconds: 3600,
      now: NOW,
      signatureDate,
      crypto,
    })
  }
  const keys = [releasing]
  const scanned = signMessage(examine(plain), ['clamd'], { keys, now: NOW, crypto })!
  t.match(trustOf(scanned, keys), {
    isTrusted: false,
    reason: /this host has had new signatures since/,
  })
  const to = ['ann@example.org']
  const released = signRelease(examine(plain), to, { keys, now: NOW, crypto })!
  t.match(trustOf(released, keys), { isTrusted: true })
  const unmarked = [{ ...releasing, mayRelease: false }]
  t.match(trustOf(released, unmarked), { isTrusted: false }, 'by a key that may not release')
})

t.test('scanners in the stamp of a release are ignored', async (t) => {
  const key = { ...beta, mayRelease: true }
  const claims = { id: 'beta', time: NOW, scanners: '!released,!to-x,clamd' }
  const value = hmacValue(plain, Buffer.alloc(32, 9), claims)
  const mail = Buffer.concat([bytes(`X-SHA256-Cluster-1: ${value}\n`), plain])
  const options = {
    keys: [key],
    maxAgeSeconds: 3600,
    now: NOW,
    signatureDate: () => undefined,
    crypto,
  }
  const trust = verifyStamps(examine(mail), options)
  t.same(trust.isTrusted && trust.scanners !== 'all' && [...trust.scanners[0]!], [
    '!released',
    '!to-x',
  ])
})

t.test('a field is a stamp only if its whole value has the form of one', async (t) => {
  const isStamp = (field: string) => stampsIn(new Header(bytes(`${field}\n\n`))).length === 1
  const hex = 'aB'.repeat(16)
  t.equal(isStamp(`X-MD5-Cluster-1: ${hex}`), true)
  t.equal(isStamp(`X-MD5-Cluster-1:\n\t${hex} \n `), true)
  for (const value of [`${hex}a`, `a${hex}`, hex.slice(1), `${hex.slice(1)}g`, '']) {
    t.equal(isStamp(`X-MD5-Cluster-1: ${value}`), false, value)
  }
  const [k, id, h] = ['a', 'i'.repeat(32), 'h'.repeat(43)]
  const good = ['v=1', `k=${k}`, 't=1800000000', 's=a,b', `h=${h}`]
  const isGood = (at: number, part: string) =>
    isStamp(`X-SHA256-Cluster-1: ${good.with(at, part).join('; ')}`)
  t.equal(isGood(0, 'v=1'), true)
  t.equal(isGood(1, `k=${id}`), true)
  t.equal(isGood(2, `t=${'9'.repeat(15)}`), true)
  t.equal(isGood(3, 's='), true)
  for (const [at, part] of [
    [0, 'v=2'],
    [0, 'xv=1'],
    [1, 'k='],
    [1, `k=${id}i`],
    [1, 'k=a/b'],
    [2, 't='],
    [2, `t=${'9'.repeat(16)}`],
    [2, 't=1e9'],
    [3, 's=a;b'],
    [4, `h=${h}h`],
    [4, `h=${h.slice(1)}`],
    [4, `h=${h.slice(1)}+`],
  ] as const) {
    t.equal(isGood(at, part), false, part)
  }
})

t.test('the name of a scanner cannot break the form of a stamp', async (t) => {
  t.equal(scannerName('clamd'), 'clamd')
  t.equal(scannerName('a,b; c=d\n\u00e9'), 'a%2cb%3b%20c%3dd%0a%c3%a9')
})
