import t from 'tap'
import { multipartForms, type PartForm } from '../../../../src/mail/mime/covered/tried-forms.ts'
import { firstFields } from '../../../../src/mail/mime/leaves/mail-starts.ts'
import { formsMissedBy, mailWith } from '../../../../src/scanner/readiness/clamd/form-probes.ts'
import { readClamdAddress } from '../../../../src/scanner/scan/scanners/clamd/clamd-address.ts'
import { ClamdServer } from '../../../../src/scanner/scan/scanners/clamd/clamd-server.ts'
import { EICAR } from '../../../../src/scanner/scan/scanners/eicar/eicar.ts'
import { clamdMissing, startClamd } from '../../../programs/servers/clamd.ts'
import { findsAlone, tryInEachForm } from '../../scan/scanners/clamd/in-each-form.ts'
import { databaseOf, kindsOfSignature } from '../../scan/scanners/clamd/kinds-of-signature.ts'
import { extractingAll, judgeMessage } from '../../scan/scanners/evasions/judge-message.ts'

const hex = (text: string) => Buffer.from(text, 'latin1').toString('hex')

t.test(
  'a part of each form is found by each kind of signature that finds it alone',
  {
    skip: clamdMissing,
  },
  async (t) => {
    for (const [kind, known] of Object.entries(kindsOfSignature)) {
      const clamd = await startClamd(t, { alertExceedsMax: true, database: databaseOf(known) })
      t.ok(await findsAlone(clamd.socket, known), `${kind} finds it alone`)
      const trials = await tryInEachForm(clamd.socket, known)
      t.same(
        trials.filter(({ isFound }) => !isFound),
        [],
        `${kind}: ${trials.length} mails`,
      )
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
    const ofFiles = Object.entries(kindsOfSignature).filter(([, { type }]) => type === 'file')
    for (const [kind, known] of ofFiles) {
      const clamd = await startClamd(t, { alertExceedsMax: true, database: databaseOf(known) })
      const extracted = await extractingAll(clamd.socket)
      const judge = (bytes: Buffer, multiparts: PartForm['multiparts'], above: string) => {
        const mail = mailWith(bytes, { content: 'file base64', multiparts }, Buffer.from(above))
        return judgeMessage(clamd.socket, forward(mail), extracted)
      }
      for (const [at, multiparts] of multipartForms.entries()) {
        const field = [...firstFields, 'X-Other'][at]!
        const above = `${['Date', 'Message-ID'].includes(field) ? 'X-Other' : field}: a\n`
        const { omitted } = extracted
        t.match(await judge(Buffer.from('clean'), multiparts, above), { isFound: false })
        t.ok(extracted.omitted > omitted, `${multiparts} below ${above}`)
        t.match(await judge(known.bytes, multiparts, above), { isFound: true }, kind)
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
    const missed = await formsMissedBy(server, AbortSignal.timeout(30_000))
    await clamd.stop()
    return missed
  }
  t.same(await probe({}), [], 'all')
  const count = 23
  t.equal((await probe({ scanMail: false }))?.length, count, 'nothing without ScanMail')
  const other = { 'x.ndb': `Other:0:0:${hex('something else')}\n` }
  t.equal((await probe({ database: other }))?.length, count, 'nothing without the test virus')
  const gone = new ClamdServer(readClamdAddress('/nonexistent/clamd'), { lasting: false })
  t.equal(
    await formsMissedBy(gone, AbortSignal.timeout(30_000)),
    undefined,
    'unknown if it is down',
  )
})
