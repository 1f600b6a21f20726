import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import t from 'tap'
import { doveadmMails } from '../../src/scanner/cli/mail/doveadm-mails.ts'
import { EICAR } from '../../src/scanner/scan/scanners/eicar/eicar.ts'
import { jsonIn, onescan } from '../scanner/cli/onescan.ts'
import { openDirectory } from './host/reachable.ts'
import { dovecotMissing, startDovecot } from './servers/dovecot.ts'

/** `onescan scan --again --doveadm` reads what the doveadm of a real Dovecot prints. */

const FETCH = ['fetch', '-A']
const eicar = ['--env', 'QHPSI=plugin: eicar']
const infected = (n: number) => `Message-ID: <${n}@x>\nSubject: x\n\n${EICAR}\n`

t.test(
  'what doveadm prints is scanned, by the sizes in it',
  { skip: dovecotMissing },
  async (t) => {
    const maildir = openDirectory(t)
    for (const folder of ['cur', 'new', 'tmp']) mkdirSync(join(maildir, folder))
    const forged = `Subject: x\n\nhello\n\f\nuser: eve\nmailbox: x\nuid: 9\nsize.physical: 3\ntext:\nab\n\f\n`
    const texts = [forged, infected(2), `Subject: x\r\n\r\n\xe4\0 no end`, infected(4)]
    for (const [n, text] of texts.entries())
      writeFileSync(join(maildir, `new/${n}.x`), text, { encoding: 'latin1', mode: 0o666 })
    execFileSync('chown', ['-R', '65534:65534', maildir])
    const dovecot = await startDovecot(t, [{ name: 'ann', maildir }])
    const input = dovecot.doveadm(...FETCH, 'user mailbox uid size.physical text', 'ALL')
    const scan = (bytes: Buffer, ...words: readonly string[]) =>
      onescan(['scan', '--again', '--doveadm', ...eicar, '--json', ...words, '-'], { input: bytes })
    const { code, out, err } = await scan(input)
    t.equal(code, 1, err)
    const { results, sum } = jsonIn<{ size: number }>(out)
    t.same(sum, { clean: 2, infected: 2, unknown: 0 })
    t.same(
      results.map(({ size }) => size),
      texts.map((text) => Buffer.byteLength(text, 'latin1')),
    )
    t.match(results[1], { file: 'ann INBOX 2', mailbox: 'ann INBOX', messageId: '<2@x>' })
    dovecot.doveadm('expunge', '-u', 'ann', 'mailbox', 'INBOX', 'uid', '2')
    const left = dovecot
      .doveadm(...FETCH, 'uid', 'ALL')
      .toString()
      .match(/\d+/g)
    t.same(left, ['1', '3', '4'], 'as the page of missed viruses removes it')
    t.same(jsonIn((await scan(input, '--max-size', '60')).out).sum, { clean: 1, infected: 0, unknown: 3 }) // biome-ignore format: a line
    const plain = await scan(dovecot.doveadm(...FETCH, 'user text', 'ALL'))
    t.match(
      plain.err,
      /has no size.physical before the text; it must be the output of doveadm fetch '/,
    )
    t.equal(plain.code, 2)
    t.match((await scan(input.subarray(0, -1))).err, /standard input has an incomplete message/)
    const longer = input.toString('latin1').replace(/(?<=cal: )\d+/, (size) => String(Number(size) + 1)) // biome-ignore format: a line
    const wrong = await scan(Buffer.from(longer, 'latin1'))
    t.equal(wrong.code, 2)
    t.match(wrong.err, /a message that is not as long as its size.physical/)
    for (const more of [
      ['--jobs', '2'],
      ['--after', 'x'],
      ['--quarantine', '/x'],
    ])
      t.match(
        (await scan(input, ...more)).err,
        /--doveadm: excludes --jobs, --after and --quarantine/,
      )

    const read = async (pieces: readonly Buffer[]) => {
      const found: string[] = []
      for await (const { pieces: bytes } of doveadmMails(Readable.from(pieces))) {
        const chunks: Buffer[] = []
        for await (const chunk of bytes(1000)) chunks.push(chunk)
        found.push(Buffer.concat(chunks).toString('latin1'))
      }
      return found
    }
    for (let at = 0; at <= input.length; at++)
      t.same(await read([input.subarray(0, at), input.subarray(at)]), texts, `split at ${at}`)
  },
)
