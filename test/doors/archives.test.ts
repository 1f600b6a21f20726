import t from 'tap'
import { archiveSignatures } from '../../src/scan/scanners/attachments/archive-bans.ts'
import type { Case, Expectation } from '../cases/case.ts'
import { type Door, play } from '../cases/play.ts'
import { clamdMissing, startClamd } from '../programs/clamd.ts'
import { archiveOf, packerMissing, packers } from '../scan/scanners/attachments/archives.ts'
import { BASE64, base64, multipart, part, TEXT } from '../scan/scanners/evasions/compose.ts'
import { everything } from './milter/mta.ts'
import { sendByMilter } from './milter/send.ts'
import { sendToSlot } from './slot/send.ts'
import { quickest } from './slot/slot.ts'
import { sendToSocket } from './slot-socket/send.ts'
import { sendBySmtp } from './smtp/send.ts'

/** Archives that real programs make, judged at each door by a real clamd with the list of `onescan bans`. */

const doors: Readonly<Record<string, Door>> = {
  'the warm slot': { hasDaemon: true, send: (t, sent) => sendToSocket(t, sent, () => true) },
  'the cold slot': { hasDaemon: false, send: (_, sent) => sendToSlot(sent, { program: quickest }) },
  'a milter': { hasDaemon: true, send: (t, sent) => sendByMilter(t, sent, everything) },
  SMTP: { hasDaemon: true, send: sendBySmtp },
}

const mailWith = (archive: Buffer, name: string) =>
  Buffer.from(
    `From: a@example.org\nMIME-Version: 1.0\n${multipart('mixed', [
      TEXT,
      part([`Content-Type: application/octet-stream; name="${name}"`, BASE64], base64(archive)),
    ])}`,
    'latin1',
  )

t.test('archives', { skip: clamdMissing || packerMissing }, async (t) => {
  const clamd = await startClamd(t, {
    alertEncrypted: true,
    database: { 'onescan-bans.cdb': Buffer.from(archiveSignatures(['*.exe', '*.lnk']), 'latin1') },
  })
  const directory = t.testdir()
  const judged = (
    name: string,
    form: string,
    file: string,
    more = {},
    expect: Expectation,
  ): Case => ({
    name,
    message: () => mailWith(archiveOf(form, file, directory), 'papers.bin'),
    settings: () => ({ QHPSI: 'plugin: clamd', CLAMD: clamd.socket, REJECTVIRUS: '1', ...more }),
    expect,
  })
  const banned: Expectation = {
    outcome: 'refused',
    text: /message refused: banned attachment \*\.exe in an archive \(#5\.7\.1/,
    log: /banned="attachment \*\.exe in an archive" grounds=banned /,
  }
  const encrypted: Expectation = {
    outcome: 'refused',
    text: /what is encrypted in it cannot be scanned \(Heuristics\.Encrypted\.Zip\)/,
    log: /grounds=encrypted /,
  }
  const cases: readonly Case[] = [
    ...Object.keys(packers).map((form) =>
      judged(`a banned name in ${form} is refused`, form, 'invoice.EXE', {}, banned),
    ),
    ...Object.keys(packers)
      .filter((form) => form !== 'encrypted zip')
      .map((form) =>
        judged(
          `another name in ${form} is let in`,
          form,
          'letter.txt',
          { ENCRYPTED: 'refuse' },
          {
            outcome: 'delivered',
            xQhpsi: 'clean',
          },
        ),
      ),
    judged(
      'an encrypted zip is refused',
      'encrypted zip',
      'a.txt',
      { ENCRYPTED: 'refuse' },
      encrypted,
    ),
    judged(
      'an encrypted zip is let in',
      'encrypted zip',
      'a.txt',
      { ENCRYPTED: 'accept' },
      {
        outcome: 'delivered',
        xQhpsi: null,
        newStamps: 0,
      },
    ),
    judged(
      'a ban counts before encryption',
      'encrypted zip',
      'a.exe',
      { ENCRYPTED: 'accept' },
      banned,
    ),
  ]
  for (const [name, door] of Object.entries(doors)) {
    t.test(name, async (t) => {
      for (const testCase of cases) await t.test(testCase.name, (t) => play(t, testCase, door))
    })
  }
})
