import { createHash } from 'node:crypto'
import { zipSync } from 'fflate'
import t from 'tap'
import { Bytes } from '../../../src/mail/message/bytes.ts'
import {
  contentForms,
  type FormSet,
  firstFields,
  type MultipartForm,
  multipartForms,
} from '../../../src/mail/mime/traits/part-forms.ts'
import { formsFoundBy, mailWith } from '../../../src/readiness/clamd/form-probes.ts'
import { readClamdAddress } from '../../../src/scan/scanners/clamd/clamd-address.ts'
import { ClamdServer } from '../../../src/scan/scanners/clamd/clamd-server.ts'
import { EICAR } from '../../../src/scan/scanners/eicar/eicar.ts'
import { type Clamd, clamdMissing, startClamd } from '../../programs/servers/clamd.ts'
import { everyForm } from '../../scan/scanners/clamd/every-form.ts'
import { extractingAll, judgeMessage } from '../../scan/scanners/evasions/judge-message.ts'

const hex = (text: string) => Buffer.from(text, 'latin1').toString('hex')
const md5 = (bytes: Buffer) => createHash('md5').update(bytes).digest('hex')
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

const text = Buffer.from('Dear reader,\nthis is a text = 3 lines.\nRegards\n')
const html = Buffer.from('<html><body>\n<p title="a=b">Dear Reader</p>\n</body></html>\n')
const file = Buffer.concat([
  Buffer.from(Array.from({ length: 256 }, (_, code) => code)),
  Buffer.from('the very end'),
])
const archive = Buffer.from(zipSync({ 'invoice.exe': Buffer.from('MZ no program') }))

/** What a part holds, by the type that announces it. */
const contents: Readonly<Record<string, readonly Buffer[]>> = {
  'text/plain': [text],
  'text/html': [html],
  file: [file, archive],
}

/** A signature of each kind that applies to what a part holds. */
const signatures: Readonly<Record<string, { readonly name: string; readonly line: string }>> = {
  'text by its hash': { name: 'x.hdb', line: `${md5(text)}:${text.length}:S` },
  'text by its SHA-256': { name: 'x.hsb', line: `${sha256(text)}:${text.length}:S:73` },
  'text by its beginning': { name: 'x.ndb', line: `S:0:0:${hex('Dear reader,\nthis')}` },
  'text by its end': { name: 'x.ndb', line: `S:0:EOF-8:${hex('Regards\n')}` },
  'text as ASCII': { name: 'x.ndb', line: `S:7:0:${hex('dear reader')}` },
  'text by a logical signature': {
    name: 'x.ldb',
    line: `S;Engine:51-255,Target:0;0&1;0:${hex('Dear')};EOF-8:${hex('Regards')}`,
  },
  'HTML by its beginning': { name: 'x.ndb', line: `S:3:0:${hex('<html><body>')}` },
  'HTML by a logical signature': {
    name: 'x.ldb',
    line: `S;Engine:51-255,Target:3;0&1;${hex('title="a=b"')};${hex('dear reader')}`,
  },
  'file by its hash': { name: 'x.hdb', line: `${md5(file)}:${file.length}:S` },
  'file by its SHA-256': { name: 'x.hsb', line: `${sha256(file)}:${file.length}:S:73` },
  'file by its beginning': { name: 'x.ndb', line: `S:0:0:${hex('\0\x01\x02\x03\x04\x05')}` },
  'file by its end': { name: 'x.ndb', line: `S:0:EOF-12:${hex('the very end')}` },
  'name in an archive': {
    name: 'x.cdb',
    line: String.raw`S:CL_TYPE_ZIP:*:invoice\.exe:*:*:*:*:*:*`,
  },
}

async function finds(clamd: Clamd, bytes: Buffer): Promise<boolean> {
  const server = new ClamdServer(readClamdAddress(clamd.socket), { lasting: false })
  const task = { signal: AbortSignal.timeout(30_000), note() {} }
  const outcome = await server.scan({ bytes: Bytes.of(bytes) }, task)
  if (outcome.kind !== 'answered') throw new Error(outcome.reason)
  return outcome.reply.answer === 'infected'
}

t.test(
  'a part of each form is found by each kind of signature that finds it alone',
  {
    skip: clamdMissing,
  },
  async (t) => {
    for (const [what, { name, line }] of Object.entries(signatures)) {
      const clamd = await startClamd(t, {
        alertExceedsMax: true,
        database: { [name]: `${line}\n` },
      })
      let count = 0
      for (const content of contentForms) {
        for (const bytes of contents[content.split(' ')[0]!]!) {
          if (!(await finds(clamd, bytes))) continue
          for (const multiparts of multipartForms) {
            const field = firstFields[count++ % firstFields.length]!
            for (const above of [undefined, Buffer.from(`${field}: a\n`)]) {
              const isFound = await finds(clamd, mailWith(bytes, { content, multiparts }, above))
              if (!isFound)
                t.fail(`${what}: ${content} in ${multiparts} below ${above ?? 'our line'}`)
            }
          }
        }
      }
      t.ok(count > 0, `${what}: ${count} mails`)
      await clamd.stop()
    }
  },
)

/** A mail to which this one is attached. */
function forward(mail: Buffer): Buffer {
  const delimiter = '--around\n'
  return Buffer.concat([
    Buffer.from('From: a\nContent-Type: multipart/mixed; boundary=around\n\n'),
    Buffer.from(`${delimiter}Content-Type: text/plain\n\nSee below.\n`),
    Buffer.from(`${delimiter}Content-Type: message/rfc822\n\n`),
    mail,
    Buffer.from('\n--around--\n'),
  ])
}

t.test(
  'a file that is left to the scan of an attached mail is found by each kind of signature',
  { skip: clamdMissing },
  async (t) => {
    const ofFiles = Object.entries(signatures).filter(([what]) => !/^(?:text|HTML) /.test(what))
    for (const [what, { name, line }] of ofFiles) {
      const database = { [name]: `${line}\n` }
      const clamd = await startClamd(t, { alertExceedsMax: true, database })
      const extracted = await extractingAll(clamd.socket)
      const judge = (bytes: Buffer, multiparts: MultipartForm, above: string) => {
        const mail = mailWith(bytes, { content: 'file base64', multiparts }, Buffer.from(above))
        return judgeMessage(clamd.socket, forward(mail), extracted)
      }
      for (const [at, multiparts] of multipartForms.entries()) {
        const field = [...firstFields, 'X-Other'][at]!
        const above = `${['Date', 'Message-ID'].includes(field) ? 'X-Other' : field}: a\n`
        const { omitted } = extracted
        t.match(await judge(Buffer.from('clean'), multiparts, above), { isFound: false })
        t.ok(extracted.omitted > omitted, `${multiparts} below ${above}`)
        for (const bytes of contents.file!) {
          if (!(await finds(clamd, bytes))) continue
          t.match(await judge(bytes, multiparts, above), { isFound: true }, what)
        }
      }
      await clamd.stop()
    }
  },
)

t.test('clamd shows by the test virus what it extracts', { skip: clamdMissing }, async (t) => {
  const database = { 'x.ndb': `EICAR:0:0:${hex(EICAR)}\n` } // at the beginning alone, as ClamAV has it
  const probe = async (options: Parameters<typeof startClamd>[1]) => {
    const clamd = await startClamd(t, { database, ...options })
    const server = new ClamdServer(readClamdAddress(clamd.socket), { lasting: false })
    const forms = await formsFoundBy(server, AbortSignal.timeout(30_000))
    await clamd.stop()
    return forms
  }
  t.same(await probe({}), everyForm, 'all')
  const nothing: FormSet = { firstFields: [], contents: [], multiparts: [] }
  t.same(await probe({ scanMail: false }), nothing, 'nothing without ScanMail')
  const other = { 'x.ndb': `Other:0:0:${hex('something else')}\n` }
  t.same(await probe({ database: other }), nothing, 'nothing without the test virus')
  const gone = new ClamdServer(readClamdAddress('/nonexistent/clamd'), { lasting: false })
  t.equal(await formsFoundBy(gone, AbortSignal.timeout(30_000)), undefined, 'unknown if it is down')
})
