import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { Bytes } from '../../../src/mail/message/bytes.ts'
import { limits } from '../../../src/mail/mime/budget/limits.ts'
import { EICAR } from '../../../src/scanner/scan/scanners/eicar/eicar.ts'
import {
  attached,
  file,
  forwarded,
  inMultipart,
  isNested,
  message,
  multipart,
  text,
  wrap,
} from '../../mail/mime/nested-mail.ts'
import { openMilter } from '../../scanner/doors/milter/rig.ts'
import { runSlot } from '../../scanner/doors/slot/slot.ts'
import { openSlot } from '../../scanner/doors/slot/socket/rig.ts'
import { sample, scan } from '../../scanner/scan/scanners/clamd/task.ts'
import { clamdMissing, startClamd } from '../servers/clamd.ts'

/** EICAR deeper in mail than a real clamd looks, by every door. */

const virus = file(EICAR)
const shapes: Readonly<Record<string, (levels: number) => Buffer>> = {
  multiparts: (levels) => message(wrap(levels, virus, inMultipart)),
  'signed multiparts': (levels) =>
    message(wrap(levels, virus, (part) => multipart([part], 'signed'))),
  'attached messages': (levels) => message(wrap(levels, virus, attached)),
  'forwards of forwards': (levels) => message(wrap(levels, virus, forwarded)),
  'forwards in message/global': (levels) =>
    message(wrap(levels, virus, (part) => multipart([attached(part, 'message/global')]))),
  'forwards in base64': (levels) =>
    message(
      wrap(levels, virus, (part) => multipart([file(`Subject: s\n${part}`, 'message/rfc822')])),
    ),
  'mail in files': (levels) =>
    message(wrap(levels, virus, (part) => multipart([file(`Received: x\n${part}`)]))),
}

for (const alertExceedsMax of [false, true]) {
  const name = `clamd with AlertExceedsMax ${alertExceedsMax ? 'on' : 'off'}`
  t.test(name, { skip: clamdMissing }, async (t) => {
    const clamd = await startClamd(t, { alertExceedsMax })

    for (const [shape, make] of Object.entries(shapes)) {
      t.test(`looks deeper into ${shape} than onescan reads`, async (t) => {
        let levels = 0
        let answer = { answer: 'infected' } as Awaited<ReturnType<typeof scan>>['answer']
        for (; answer.answer === 'infected' && levels < 30; levels++) {
          answer = (await scan(clamd.socket, sample(make(levels)))).answer
        }
        t.match(
          answer,
          alertExceedsMax ? { answer: 'unread', kind: 'depth' } : { answer: 'clean' },
          `gives up at ${levels - 1}`,
        )
        t.ok(
          isNested(Bytes.of(make(levels - 1)), limits.nesting),
          'what it does not see is refused',
        )
      })
    }

    const settings = { QHPSI: 'plugin: clamd', CLAMD: clamd.socket, REJECTVIRUS: '1' }
    for (const [shape, make] of Object.entries(shapes)) {
      t.test(`a virus in twenty ${shape} is refused`, (t) => refusedByAll(t, make(20), settings))
    }

    t.test("clamd's answer counts that archives in mail are too deep", async (t) => {
      let archive: Buffer = Buffer.from(EICAR)
      for (let depth = 0; depth < 20; depth++) archive = gzipSync(archive)
      const mail = message(multipart([text, file(archive.toString('latin1'))]))
      const settings = { QHPSI: 'plugin: clamd', CLAMD: clamd.socket }
      if (alertExceedsMax) {
        await refusedByAll(t, mail, settings)
        const deferred = await runSlot({
          message: mail,
          settings: { ...settings, UNREAD: 'defer' },
        })
        t.equal(deferred.code, 71, deferred.logged)
        t.match(deferred.logged, 'Heuristics.Limits.Exceeded.MaxRecursion')
        return
      }
      // Which is why onescan check calls a clamd without the option an error.
      t.match((await runSlot({ message: mail, settings })).logged, 'scan=clean')
    })
  })
}

t.test(
  'mail with too many files is refused in words of its own',
  { skip: clamdMissing },
  async (t) => {
    const clamd = await startClamd(t, { alertExceedsMax: true, maxFiles: 20 })
    const parts = Array.from({ length: 60 }, (_, n) => file(`number ${n}`))
    const settings = { QHPSI: 'plugin: clamd', CLAMD: clamd.socket, SECONDLOOK: 'never' }
    const mail = message(multipart([text, ...parts]))
    const refused = await runSlot({ message: mail, settings })
    t.equal(refused.code, 31, refused.logged)
    t.match(refused.logged, 'grounds=too-much-inside')
    t.match(refused.logged, 'Heuristics.Limits.Exceeded.MaxFiles')
    const accepted = await runSlot({
      message: mail,
      settings: { ...settings, UNREAD: 'accept' },
    })
    t.match(accepted.logged, 'decision=accept scan=skipped')
  },
)

const WHY = '(?:.* nested too deep|virus )'

/** By the slot, the warm slot and the milter, for the same reason. */
async function refusedByAll(
  t: Test,
  mail: Buffer,
  settings: Readonly<Record<string, string>>,
): Promise<void> {
  const standalone = await runSlot({ message: mail, settings })
  t.equal(standalone.code, 31, standalone.logged)
  // A file that is found before the depth is known decides by itself.
  t.match(standalone.logged, /decision=reject scan=(?:skipped|infected)/)

  const slot = await openSlot(t, settings)
  const asked = await slot.ask({
    variables: { ...settings, ERROR_FD: '6' },
    takesReply: true,
    message: mail,
  })
  t.match(asked, { does: 'end', code: 82, text: new RegExp(`^Dmessage refused: ${WHY}`) })

  const milter = await openMilter(t, settings)
  const got = await milter.submit({ message: mail })
  t.match(got, {
    outcome: 'refused',
    reply: new RegExp(`^550 5\\.[67]\\.[01] message refused: ${WHY}`),
  })
}
