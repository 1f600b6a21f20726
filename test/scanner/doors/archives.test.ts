import { execFileSync } from 'node:child_process'
import t from 'tap'
import { zipOf } from '../../../src/scanner/readiness/test-mail/test-files.ts'
import { archiveSignatures } from '../../../src/scanner/scan/scanners/attachments/archive-bans.ts'
import type { Case, Expectation } from '../../cases/case.ts'
import { type Door, play } from '../../cases/play.ts'
import { python, pythonMissing } from '../../programs/host/python.ts'
import { clamdMissing, startClamd } from '../../programs/servers/clamd.ts'
import { archiveOf, packerMissing, packers } from '../scan/scanners/attachments/archives.ts'
import { BASE64, base64, multipart, part, TEXT } from '../scan/scanners/evasions/compose.ts'
import { inStream, openClamdDoor } from './clamd/rig.ts'
import { everything } from './milter/mta.ts'
import { sendByMilter } from './milter/send.ts'
import { sendToSlot } from './slot/send.ts'
import { quickest } from './slot/slot.ts'
import { sendToSocket } from './slot/socket/send.ts'
import { sendBySmtp } from './smtp/send.ts'

/** Archives that real programs make, judged at each door by a real clamd with the list of `onescan bans`. */

const doors: Readonly<Record<string, Door>> = {
  'the warm slot': { hasDaemon: true, send: (t, sent) => sendToSocket(t, sent, () => true) },
  'the standalone slot': {
    hasDaemon: false,
    send: (_, sent) => sendToSlot(sent, { program: quickest }),
  },
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

const zipNamed = (name: Buffer) => zipOf(name, Buffer.from('x'))

/** By Python's tarfile: GNU tar and pax write a long name before its file, ustar in two fields. */
function tarNamed(name: string, form: string): Buffer {
  const script = `import io, sys, tarfile
tar = tarfile.open(fileobj=sys.stdout.buffer, mode="w|", format=tarfile.${form.toUpperCase()}_FORMAT)
tar.addfile(tarfile.TarInfo(${JSON.stringify(name)}), io.BytesIO())
tar.close()`
  return execFileSync(python, ['-c', script])
}

t.test('archives', { skip: clamdMissing || packerMissing }, async (t) => {
  const clamd = await startClamd(t, {
    alertEncrypted: true,
    database: { 'onescan-bans.cdb': Buffer.from(archiveSignatures(['*.exe', '*.lnk']), 'latin1') },
  })
  const directory = t.testdir()
  const judgedAs = (name: string, archive: () => Buffer, more: object, expect: Expectation) => ({
    name,
    message: () => mailWith(archive(), 'papers.bin'),
    settings: () => ({ QHPSI: 'plugin: clamd', CLAMD: clamd.socket, REJECTVIRUS: '1', ...more }),
    expect,
  })
  const judged = (name: string, form: string, file: string, more: object, expect: Expectation) =>
    judgedAs(name, () => archiveOf(form, file, directory), more, expect)
  const banned: Expectation = {
    outcome: 'refused',
    text: /message refused: banned attachment \*\.exe in an archive \(#5\.7\.1/,
    log: /banned="attachment \*\.exe in an archive" grounds=banned /,
  }
  const encrypted: Expectation = {
    outcome: 'refused',
    text: /it contains encrypted content, which cannot be scanned \(Heuristics\.Encrypted\.Zip\)/,
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
          { FINDINGS: 'encrypted=refuse' },
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
      { FINDINGS: 'encrypted=refuse' },
      encrypted,
    ),
    judged(
      'an encrypted zip is let in',
      'encrypted zip',
      'a.txt',
      { FINDINGS: 'encrypted=accept' },
      {
        outcome: 'delivered',
        xQhpsi: null,
        newStamps: 0,
      },
    ),
    ...['partner', 'stranger'].map((who): Case => {
      const form = 'encrypted zip'
      return {
        name: `one line lets the encrypted zip of a partner in, and here it is a ${who}`,
        message: () => mailWith(archiveOf(form, 'a.txt', directory), 'papers.bin'),
        sender: `ann@${who}.example`,
        settings: (stage) => ({
          QHPSI: 'plugin: clamd',
          CLAMD: clamd.socket,
          FINDINGS: 'encrypted=refuse',
          CONTROLDIR: stage.rules('from=partner.example FINDINGS=encrypted=accept\n'),
        }),
        expect: who === 'partner' ? { outcome: 'delivered', xQhpsi: null } : encrypted,
      }
    }),
    judged(
      'a ban counts before encryption',
      'encrypted zip',
      'a.exe',
      { FINDINGS: 'encrypted=accept' },
      banned,
    ),
  ]
  // No name is in a log; each line of it is printable.
  const isBanned = { ...banned, log: /^[ -~]*banned="attachment \*\.exe in an archive"[ -~]*$/m }
  const isUnread: Expectation = {
    outcome: 'refused',
    text: /message refused: it contains more than can be scanned/,
    log: /^[ -~]* grounds=too-much-inside [ -~]*: a file name in it is longer than clamd compares[ -~]*$/m,
  }
  const isLetIn: Expectation = { outcome: 'delivered', xQhpsi: 'clean' }
  const odd: readonly (readonly [what: string, name: string, expect: Expectation])[] = [
    ['a NUL behind its end', 'a.exe\0.txt', isBanned],
    ['a NUL before its end', 'a.txt\0.exe', isLetIn], // all readers see a.txt
    ['a line end in it', 'a\r\nb.exe', isBanned],
    ['escapes in it', '\x1b[2J\x1b]0;a\x07.exe', isBanned],
    ['254 bytes', `${'a'.repeat(250)}.exe`, isBanned],
    ['256 bytes', `${'a'.repeat(252)}.exe`, isUnread],
    ['as many in directories', `${'dir/'.repeat(80)}a.exe`, isUnread],
    ['64 KB', `${'a'.repeat(65_531)}.exe`, isUnread],
  ]
  const oddCases = odd.map(([what, name, expect]) =>
    judgedAs(`a name with ${what}`, () => zipNamed(Buffer.from(name)), {}, expect),
  )
  const tarCases = ['gnu', 'pax', 'ustar'].map((form) =>
    judgedAs(
      `a name of 200 bytes in a tar of ${form}`,
      () => tarNamed(`${'dir/'.repeat(48)}aaaa.exe`, form),
      {},
      form === 'ustar' ? isBanned : isUnread,
    ),
  )
  await t.test('odd names', { skip: pythonMissing }, async (t) => {
    const door = doors['the warm slot']!
    for (const testCase of [...oddCases, ...tarCases]) {
      await t.test(testCase.name, (t) => play(t, testCase, door))
    }
  })

  t.test("clamd's protocol, whose clients name no sender", async (t) => {
    const settings = { QHPSI: 'plugin: clamd', CLAMD: clamd.socket }
    const answersOf = async (archive: Buffer, more: Readonly<Record<string, string>> = {}) => {
      const door = await openClamdDoor(t, { ...settings, ...more })
      const whole = await door.ask(inStream(mailWith(archive, 'papers.bin')))
      return [whole, await door.ask(inStream(archive))].map((answer) => answer.replace('\0', ''))
    }
    const banned = 'stream: Onescan.banned.attachment_*.exe_in_an_archive FOUND'
    for (const form of Object.keys(packers)) {
      const archive = archiveOf(form, 'invoice.EXE', directory)
      t.same(await answersOf(archive), [banned, banned], `${form}, in a mail and by itself`)
      const more = { FINDINGS: 'encrypted=accept' }
      const other = archiveOf(form, 'letter.txt', directory)
      t.same(await answersOf(other, more), ['stream: OK', 'stream: OK'], `${form}, another name`)
    }
    const locked = archiveOf('encrypted zip', 'a.txt', directory)
    const property = 'stream: Heuristics.Encrypted.Zip FOUND'
    t.same(await answersOf(locked, { FINDINGS: 'encrypted=refuse' }), [property, property])
  })

  for (const [name, door] of Object.entries(doors)) {
    t.test(name, async (t) => {
      for (const testCase of cases) await t.test(testCase.name, (t) => play(t, testCase, door))
    })
  }
})
