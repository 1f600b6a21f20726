import { execFileSync } from 'node:child_process'
import { chmodSync, closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { CheckLine } from '../../../../../src/base/check/check-line.ts'
import { nameMail } from '../../../../../src/scanner/cli/check/test-mail/name-mail.ts'
import { deliveryOf } from '../../../../../src/scanner/cli/check/test-mail/test-mailbox.ts'
import { testMails } from '../../../../../src/scanner/readiness/test-mail/test-mails.ts'
import { about } from '../../../../check-lines.ts'
import { lacks } from '../../../../needs.mjs'
import { openDirectory } from '../../../../programs/host/reachable.ts'
import { startNext } from '../../../doors/smtp/next-server.ts'
import { jsonIn, ofPlain, onescan, type RunOptions } from '../../onescan.ts'

/** `onescan check --mail ADDRESS --smtp HOST:PORT` with sight of the delivered mail. */

const attached = testMails[2]!
const mail = nameMail(attached.message, 'ann@example.org')
const text = mail.message.toString('latin1')
const delivered = `Return-Path: <>\r\nReceived: by mx\r\n${text.replaceAll('\n', '\r\n')}`
const withField = (field: string) => [`${field}\r\n${delivered}`]

/** What filters make of a message, with the fate and the tags that are seen in it. */
const fates: Readonly<Record<string, readonly [readonly string[], string, readonly string[]]>> = {
  'no mail': [['Subject: another\n\nhello\n'], 'missing', []],
  'the mail itself': [[delivered], 'unchanged', []],
  'words of filters that call it clean': [
    withField(
      'X-Virus-Scanned: clamav-milter 1.4.3 at mx\r\nX-Virus-Status: Clean\r\nX-Spam-Flag: NO\r\nX-Spam-Status: No, score=1.2\r\n tests=EICAR_LIKE\r\nX-MailScanner: Found to be clean\r\nX-Rspamd-Action: no action\r\nX-Spamd-Result: default: False [4.0]; CLAM_VIRUS(4.0)[Eicar]\r\nX-QHPSI: clean',
    ),
    'unchanged',
    [],
  ],
  'clamav-milter': [
    withField('X-Virus-Status: Infected with Eicar-Signature'),
    'tagged',
    ['X-Virus-Status: Infected with Eicar-Signature'],
  ],
  rspamd: [
    withField('X-Virus: Win.Test.EICAR_HDB-1\r\nX-Spam: Yes\r\nX-Rspamd-Action: add header'),
    'tagged',
    ['X-Virus: Win.Test.EICAR_HDB-1', 'X-Spam: Yes', 'X-Rspamd-Action: add header'],
  ],
  amavis: [
    withField('X-Amavis-Alert: INFECTED, message contains virus:\r\n\tEicar'),
    'tagged',
    ['X-Amavis-Alert: INFECTED, message contains virus: Eicar'],
  ],
  onescan: [withField('X-QHPSI: virus found'), 'tagged', ['X-QHPSI: virus found']],
  'another subject': [
    [delivered.replace('Subject: ', 'Subject: [VIRUS] ')],
    'tagged',
    [`Subject: [VIRUS] ${mail.subject}`],
  ],
  'a mail around it': [
    [`Subject: a virus\r\nX-Spam-Flag: YES\r\n\r\nsee below\r\n\r\n${delivered}`],
    'tagged',
    ['Subject: a virus', 'X-Spam-Flag: YES'],
  ],
  'a spam filter': [
    withField('X-Spam: Yes\r\nX-Rspamd-Action: add header'),
    'spam',
    ['X-Spam: Yes', 'X-Rspamd-Action: add header'],
  ],
  'another content': [
    [attached.malware.reduce((left, line) => left.replace(line, 'It was removed.'), delivered)],
    'removed',
    [],
  ],
  'a notice, and the mail': [
    [`Subject: virus\n\nThere was one in ${mail.id}.\n`, delivered],
    'unchanged',
    [],
  ],
  'two copies, one with a tag': [
    [...withField('X-Virus-Status: Infected'), delivered],
    'unchanged',
    [],
  ],
}
for (const [name, [mails, fate, tags]] of Object.entries(fates)) {
  t.test(`${name}: ${fate}`, async (t) => {
    t.same(deliveryOf(attached, mail, mails), { fate, tags })
  })
}

t.test('a clean message that is reported as infected is tagged', async (t) => {
  const clean = nameMail(testMails[0]!.message, 'ann@example.org')
  const named = `X-Virus: yes\n${clean.message.toString('latin1')}`
  t.match(deliveryOf(testMails[0]!, clean, [named]), { fate: 'tagged', tags: ['X-Virus: yes'] })
})

/** Runs check against a server that gives each message to `deliver`, with these options. */
async function checked(
  t: Parameters<typeof startNext>[0],
  deliver: (mail: string) => void,
  words: readonly string[],
  options: RunOptions = {},
) {
  const next = await startNext(t)
  next.script = (verb, content) => {
    if (verb !== '.') return undefined
    if (content.includes('EICAR-STANDARD')) return '550 5.7.1 virus'
    const field = content.includes('Nothing here')
      ? 'X-Virus-Status: Clean'
      : 'X-Virus-Status: Infected'
    deliver(`Return-Path: <>\n${field}\n${content.replaceAll('\r\n', '\n')}\n`)
    return undefined
  }
  const to = ['--mail', 'ann@example.org', '--smtp', `127.0.0.1:${next.port}`]
  const { code, out, err } = await onescan(['check', '--json', ...to, ...words], options)
  return { code, err, ...jsonIn<Result>(out) }
}

/** A check line of JSON, as onescan(1) has it. */
type Result = CheckLine & {
  readonly mail: { readonly delivery?: string; readonly tags?: readonly string[] }
}
const deliveriesIn = (results: readonly Result[]) => results.map(({ mail }) => mail.delivery)

const EXPECTED = ['unchanged', undefined, ...Array(6).fill('tagged'), 'unchanged']

t.test('mail is seen in a Maildir and its folders', async (t) => {
  const directory = ofPlain(openDirectory(t))
  for (const folder of ['new', 'cur', '.Junk', '.Junk/new', '.Junk/cur'])
    mkdirSync(join(directory, folder))
  let count = 0
  const deliver = (mail: string) => {
    const place = mail.includes('Infected') ? '.Junk/cur' : 'new'
    writeFileSync(join(directory, place, `${++count}.mx`), mail)
  }
  const { code, results } = await checked(t, deliver, ['--maildir', directory])
  t.equal(code, 0)
  t.same(deliveriesIn(results), EXPECTED)
  t.same(results[2]!.mail.tags, ['X-Virus-Status: Infected'])
  t.match(results[1]!.mail, { answer: 'refused', code: 550 })
})

t.test('the first delivery may make the Maildir', async (t) => {
  const directory = join(ofPlain(openDirectory(t)), 'mail/ann')
  const make = (mode: number) => {
    for (const folder of ['new', 'cur']) mkdirSync(join(directory, folder), { recursive: true })
    chmodSync(directory, mode)
  }
  let count = 0
  const { code, results } = await checked(
    t,
    (mail) => {
      make(0o755)
      writeFileSync(join(directory, 'new', `${++count}.mx`), mail)
    },
    ['--maildir', directory],
  )
  t.equal(code, 0)
  t.same(deliveriesIn(results), EXPECTED)
})

t.test(
  'a Maildir that the first delivery makes for its owner alone is named',
  { skip: lacks('root') },
  async (t) => {
    const directory = join(ofPlain(openDirectory(t)), 'ann')
    const deliver = () => {
      mkdirSync(join(directory, 'new'), { recursive: true })
      chmodSync(directory, 0o700)
    }
    const { code, results } = await checked(t, deliver, ['--maildir', directory])
    t.equal(code, 2)
    t.match(results[0], { level: 'ok', mail: { delivery: 'unknown' } })
    t.match(about(results, /^--maildir$/), {
      level: 'error',
      value: /^\S+\/ann.*: permission denied/,
      remedy: 'run onescan check as the owner of this mail',
    })
  },
)

t.test('mail is seen in a pipe, whose writer goes on', async (t) => {
  const fifo = join(openDirectory(t), 'fifo')
  execFileSync('mkfifo', ['-m', '666', fifo])
  const fd = openSync(fifo, 'r+')
  t.teardown(() => closeSync(fd))
  const deliver = (mail: string) =>
    void writeSync(fd, `From MAILER-DAEMON Thu Jan  1 00:00:00 2026\n${mail}\n`)
  const around = ['/bin/sh', '-c', 'exec "$@" <"$0"', fifo]
  const { code, results } = await checked(t, deliver, ['--maildir', '-'], { around })
  t.equal(code, 0)
  t.same(deliveriesIn(results), EXPECTED)
})
