import { execFileSync } from 'node:child_process'
import * as crypto from 'node:crypto'
import t from 'tap'
import { Header } from '../../src/mail/message/header-block.ts'
import { BoundFields, unboundFields } from '../../src/scanner/scan/stamps/bound-fields.ts'
import { parseKeyring } from '../../src/scanner/scan/stamps/keyring.ts'
import { signMessage } from '../../src/scanner/scan/stamps/sign.ts'
import { verifyStamps } from '../../src/scanner/scan/stamps/verify-stamps.ts'
import { STAMP_FORMAT } from '../../tools/documents/stamp-format.ts'
import { lacks } from '../needs.mjs'
import { examine } from '../scanner/scan/stamps/hashed-message.ts'
import * as independent from '../scanner/scan/stamps/independent.ts'
import { hmacValue, md5Hex } from '../scanner/scan/stamps/independent.ts'
import { markedBlock as example, readMarkdown } from './markdown-page.ts'

/** The vectors of the format's page: program, openssl and a second implementation agree. */

const page = readMarkdown(STAMP_FORMAT)
const mail = Buffer.from(example(page, 'mail.eml'))
const TIME = 1_750_000_000

const vectors = (['md5', 'hmac'] as const).map((scheme) => ({
  scheme,
  keys: parseKeyring(example(page, `${scheme}.key`), 'the page'),
  stamp: example(page, `${scheme}.stamp`),
}))

const unfolded = (field: string) => field.replace(/\n[ \t]/g, ' ').trimEnd()

for (const { scheme, keys, stamp } of vectors) {
  t.test(`the ${scheme} stamp is the one that the program makes`, async (t) => {
    const signed = signMessage(examine(mail), ['clamd'], { keys, now: TIME, crypto })
    t.equal(`${signed?.field.name}: ${signed?.field.value}`, unfolded(stamp))
  })

  t.test(`the ${scheme} stamp holds, folded as the page has it`, async (t) => {
    const verify = (bytes: Buffer) => {
      const signatureDate = () => undefined
      return verifyStamps(examine(bytes), {
        keys,
        maxAgeSeconds: 3600,
        now: TIME,
        signatureDate,
        crypto,
      })
    }
    t.match(verify(Buffer.concat([Buffer.from(stamp), mail])), {
      isTrusted: true,
      key: keys[0]!.id,
    })
    const other = Buffer.from(mail.toString().replace('Ben,', 'Bob,'))
    t.match(verify(Buffer.concat([Buffer.from(stamp), other])), { isTrusted: false })
  })

  t.test(
    `the ${scheme} stamp is what the page's commands print`,
    { skip: lacks('openssl') },
    async (t) => {
      const directory = t.testdir({
        'mail.eml': mail,
        fields: example(page, 'fields'),
        script: example(page, `${scheme}.sh`),
      })
      const printed = execFileSync('/bin/sh', ['script'], { cwd: directory, encoding: 'utf8' })
      t.equal(unfolded(stamp).split(/: |=/).at(-1), printed.trim())
    },
  )
}

t.test('a second implementation makes the same stamps', async (t) => {
  const [md5, hmac] = vectors.map(({ stamp }) => unfolded(stamp))
  t.equal(md5, `X-MD5-Cluster-1: ${md5Hex(mail, 'sesame')}`)
  const claims = { id: 'alpha', time: TIME, scanners: 'clamd' }
  const value = hmacValue(mail, vectors[1]!.keys[0]!.secret, claims)
  t.equal(hmac, `X-SHA256-Cluster-1: ${value}`)
})

t.test('the bound fields are those that the program hashes', async (t) => {
  const fields = example(page, 'fields')
  const expected = crypto.createHash('sha256').update(fields).digest('hex')
  t.equal(new BoundFields(new Header(mail)).digestFrom(crypto, 0), expected)
})

t.test('the second implementation binds the same fields', async (t) => {
  t.same([...independent.unboundFields].sort(), [...unboundFields].sort())
})
