import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { EICAR } from '../../../src/scanner/scan/scanners/eicar/eicar.ts'
import { bytes } from '../../cases/case.ts'
import { buildStage } from '../../cases/stage.ts'
import {
  attached,
  base64,
  file,
  message,
  multipart,
  text,
  wrap,
} from '../../mail/mime/nested-mail.ts'
import { type OpenMilter, openMilter } from '../../scanner/doors/milter/rig.ts'
import { sample, scan } from '../../scanner/scan/scanners/clamd/task.ts'
import { uuencode } from '../../scanner/scan/scanners/evasions/compose.ts'
import { keyLine } from '../cluster-mail.ts'
import { clamdMissing, EICAR_NAME, startClamd } from '../servers/clamd.ts'

/**
 * Limits that a real clamd names although each content is within them: it counts messages that stand in a
 * text, as in the plain digests of Mailman, as this many levels.
 */

/** A digest as Mailman 2 writes it; `last` is the end of the header and the text of its last mail. */
function digest(mails: number, last = '\nThe last words.\n'): string {
  const front = `Send Fish mailing list submissions to
\tfish@example.org

Today's Topics:

   1. Re: trout (Ann)

----------------------------------------------------------------------

`
  const all = Array.from({ length: mails }, (_, n) => {
    const number = n + 1
    const rest = number < mails ? `\nTrout number ${number}.\n` : last
    return `Message: ${number}
Date: Thu, 1 Jan 2026 00:00:0${n % 10} +0000
From: Ann <ann${number}@example.org>
To: fish@example.org
Subject: Re: trout
Message-ID: <${number}.${mails}@example.org>
Content-Type: text/plain; charset=us-ascii
${rest}
------------------------------

`
  })
  return `${front}${all.join('')}Subject: Digest Footer

_______________________________________________
Fish mailing list

------------------------------

End of Fish Digest, Vol 1, Issue 1
**********************************
`
}

const plain = (content: string) => `Content-Type: text/plain; charset=us-ascii\n\n${content}`
const attachedText = (content: string) =>
  `Content-Type: text/plain; name=digest.txt\nContent-Disposition: attachment\n\n${content}`
const inBase64 = (content: string) =>
  `Content-Transfer-Encoding: base64\nContent-Disposition: attachment; filename=x\n\n${base64(content)}`

async function open(t: Test, settings: Readonly<Record<string, string>> = {}, maxFiles?: number) {
  const clamd = await startClamd(t, {
    alertExceedsMax: true,
    disableCache: true,
    ...(maxFiles && { maxFiles }),
  })
  const ring = buildStage(t).file('ring', keyLine('alpha'))
  const own = { QHPSI: 'plugin: clamd', CLAMD: clamd.socket, CLUSTERKEYS: ring, REJECTVIRUS: '1' }
  const milter = await openMilter(t, { ...own, ...settings })
  /** Whether clamd by itself names a limit of the message. */
  const isOver = async (bytes: Buffer) => {
    const { answer } = await scan(clamd.socket, sample(bytes))
    return answer.answer === 'unread' && answer.kind
  }
  return { milter, isOver }
}

async function isAccepted(t: Test, milter: OpenMilter, bytes: Buffer, name: string) {
  const { outcome, message } = await milter.submit({ message: bytes })
  const log = milter.mailLog.at(-1)!
  t.equal(outcome, 'delivered', `${name}: ${log}`)
  t.match(message.toString('latin1'), /^X-SHA256-Cluster-1: /m, `${name} has a stamp`)
  t.match(log, /scan=clean .*Heuristics\.Limits\.Exceeded.*but each part is clean/)
}

async function isRefused(t: Test, milter: OpenMilter, bytes: Buffer, reason: RegExp, name: string) {
  const { outcome } = await milter.submit({ message: bytes })
  const log = milter.mailLog.at(-1)!
  t.equal(outcome, 'refused', `${name}: ${log}`)
  t.match(log, reason, name)
}

t.test('a plain digest is accepted and stamped', { skip: clamdMissing }, async (t) => {
  const { milter, isOver } = await open(t)
  for (const mails of [16, 20, 40]) {
    const bytes = message(plain(digest(mails)))
    t.equal(await isOver(bytes), 'depth', `clamd gives up at ${mails} mails`)
    await isAccepted(t, milter, bytes, `${mails} mails`)
  }
  const places = {
    'a digest that is attached as a text': multipart([text, attachedText(digest(21))]),
    'a digest in an attached mail': multipart([text, attached(plain(digest(22)))]),
    'a digest and a file': multipart([plain(digest(23)), file('a harmless file')]),
  }
  for (const [name, part] of Object.entries(places)) {
    await isAccepted(t, milter, message(part), name)
  }
})

t.test('a virus beside or in a digest is found', { skip: clamdMissing }, async (t) => {
  const { milter } = await open(t)
  const zipped = gzipSync(EICAR).toString('latin1')
  const last = (content: string) => digest(20, content)
  const places = {
    'in a part': multipart([plain(digest(20)), file(EICAR)]),
    'in an archive in a part': multipart([plain(digest(20)), file(zipped)]),
    'in the text of the last mail': plain(last(`\n${EICAR}\n`)),
    'in the last mail, encoded': plain(last(inBase64(EICAR))),
    'in the last mail of an attached digest': multipart([
      text,
      attachedText(last(inBase64(EICAR))),
    ]),
    'behind the digest, in uuencode': `${plain(digest(20))}${uuencode(bytes(EICAR), 'begin 644 x')}\n`,
    'in the preamble': multipart([plain(digest(20))]).replace('\n\n', `\n\n${EICAR}\n`),
  }
  for (const [name, part] of Object.entries(places)) {
    await isRefused(t, milter, message(part), new RegExp(EICAR_NAME), name)
  }
})

// promise: rule-8-not-clean
t.test('a limit hides no text of the mail itself', { skip: clamdMissing }, async (t) => {
  const { milter, isOver } = await open(t)
  const parameters = Array.from({ length: 300 }, (_, n) => `;\n p${n}=${n}`).join('')
  const many = `Content-Type: text/plain${parameters}`
  const folds = `X-Folds: ${'x\n '.repeat(300_000)}x\nContent-Type: text/plain`
  const words = (text: string) => `Good morning.\n${text}\n`
  const encoded = (text: string) => ({
    base64: `Content-Transfer-Encoding: base64\n\n${base64(words(text))}`,
    'quoted-printable': `Content-Transfer-Encoding: quoted-printable\n\n${words(text).replaceAll('$', '=24')}`,
    '7bit': `\n${words(text)}`,
  })
  for (const [encoding, body] of Object.entries(encoded(EICAR))) {
    const places = {
      'below 300 parameters': `${many}\n${body}`,
      'below a field of many folds': `${folds}\n${body}`,
      'beside a part with 300 parameters': multipart([
        `Content-Type: text/plain\n${body}`,
        `${many}\nContent-Disposition: attachment; filename=a.txt\n\nx`,
      ]),
    }
    for (const [name, part] of Object.entries(places)) {
      const bytes = message(part)
      await isRefused(t, milter, bytes, new RegExp(EICAR_NAME), `${encoding} ${name}`)
    }
  }
  for (const [encoding, body] of Object.entries(encoded('All is well.'))) {
    const bytes = message(`${many}\n${body}`)
    t.equal(await isOver(bytes), 'contents', `clamd gives up: ${encoding}`)
    await isAccepted(t, milter, bytes, encoding)
  }
})

t.test('contents that clamd does not read are refused', { skip: clamdMissing }, async (t) => {
  const { milter } = await open(t)
  const tooDeep = /grounds=nested-too-deep/
  let archive: Buffer = Buffer.from('harmless')
  for (let depth = 0; depth < 20; depth++) archive = gzipSync(archive)
  const deep = archive.toString('latin1')
  const cases = {
    'twenty attached messages': wrap(20, text, attached),
    'twenty multiparts': wrap(20, text, (part) => multipart([part])),
    'a digest beside a deep archive': multipart([plain(digest(20)), file(deep)]),
    'a deep archive in uuencode': `${plain(digest(20))}${uuencode(bytes(deep), 'begin 644 x')}\n`,
    'a PDF that holds a digest': multipart([text, attachedText(`${digest(20)}%PDF-1.4\n`)]),
    'HTML that holds a digest': multipart([text, attachedText(`<html>\n${digest(20)}`)]),
  }
  for (const [name, part] of Object.entries(cases)) {
    await isRefused(t, milter, message(part), tooDeep, name)
  }
})

t.test('a limit counts without a second look', { skip: clamdMissing }, async (t) => {
  const { milter } = await open(t, { SECONDLOOK: 'never' })
  const bytes = message(plain(digest(20)))
  await isRefused(t, milter, bytes, /Heuristics\.Limits\.Exceeded\.MaxRecursion/, 'a digest')
})

t.test(
  'more files than clamd looks at in a message are each clean',
  { skip: clamdMissing },
  async (t) => {
    const { milter, isOver } = await open(t, {}, 20)
    const parts = Array.from({ length: 60 }, (_, n) => file(`number ${n}`))
    const bytes = message(multipart([text, ...parts]))
    t.equal(await isOver(bytes), 'contents')
    await isAccepted(t, milter, bytes, 'files')
    const infected = message(multipart([text, ...parts, file(EICAR)]))
    await isRefused(t, milter, infected, new RegExp(EICAR_NAME), 'the last of the files')
  },
)
