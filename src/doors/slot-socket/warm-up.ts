import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadPassedDescriptors } from '../../ground/net/passed-descriptors.ts'
import { readConfiguration } from '../shared/configuration.ts'
import { converse } from './ask.ts'
import { createSlotSocket } from './slot-socket.ts'
import { standInClamd } from './stand-in-clamd.ts'

/**
 * Rounds of mail after which the runtime has compiled most of the judgement. Without them the first
 * hundred messages took two to three times as long as those after some thousand.
 */
const ROUNDS = 250
/**
 * In one of so many rounds the mail is a copy of the round before, so that its verdict is known.
 */
const COPIES_EACH = 5
/** Bytes of an attachment. */
const LARGE = 64 * 1024

/**
 * Judges mail that nobody sent, so that the first real mail does not wait for the runtime's
 * compiler. All that this needs is in a private directory below `directory`: another socket, a
 * stand-in for clamd, a key that nobody else has. Ends at the signal `over`.
 */
export async function warmUp(directory: string, over: AbortSignal): Promise<void> {
  const stage = mkdtempSync(join(directory, 'onescan-dir-')) // the sweep removes this name, too: named-file.ts
  const open: { close(): unknown }[] = []
  try {
    const clamd = standInClamd()
    const settings = {
      QHPSI: 'plugin: clamd',
      CLAMD: join(stage, 'clamd'),
      CLUSTERKEYS: join(stage, 'ring'),
      CLAMDBDIR: stage,
      CONTROLDIR: stage,
      TMPDIR: stage,
    }
    const key = `hmac-sha256:rehearsal:${randomBytes(32).toString('base64url')}\n`
    writeFileSync(settings.CLUSTERKEYS, key, { mode: 0o600 })
    const passing = await loadPassedDescriptors()
    const configuration = await readConfiguration(settings, () => {})
    open.push(configuration)
    const slot = createSlotSocket(configuration, {
      maxSize: 1024 * 1024,
      maxClients: 2,
      memory: 4 * 1024 * 1024,
      passing,
      identifyPeer: () => ({ uid: process.getuid!(), pid: process.pid }),
      log: () => {},
    })
    open.push(clamd, slot.server)
    await once(clamd.listen(settings.CLAMD), 'listening')
    const socket = join(stage, 'slot')
    await once(slot.server.listen(socket), 'listening')
    const large = attachment(LARGE)
    for (let round = 0; round < ROUNDS; round++) {
      const isCopy = round % COPIES_EACH === 1
      for (const mail of [text, small, large]) numberMail(mail, isCopy ? round - 1 : round)
      for (const mail of [text, small, large]) {
        if (over.aborted) return
        const answer = await askAbout(mail, socket)
        if (!answer.includes('X-QHPSI: clean')) {
          throw new Error(`mail of its own is not clean: ${logLineOf(answer)}`)
        }
      }
    }
  } finally {
    for (const file of open) file.close()
    rmSync(stage, { recursive: true, force: true })
  }
}

/** Returns the log line in an answer. */
function logLineOf(answer: Buffer): string {
  return /decision=[^\n]*/.exec(answer.toString('latin1'))?.[0] ?? 'no decision'
}

/** Milliseconds for an answer. */
const PATIENCE = 60_000

const NUMBER_FIELD = 'X-Round: '
const NUMBER = '000000'
const fields = ['From', 'To', 'Subject', 'Date', 'Message-ID', 'Received', 'X-QHPSI']
const header = `${fields.map((name) => `${name}: rehearsal <1@localhost>;\n\tfolded\n`).join('')}${NUMBER_FIELD}${NUMBER}\n`
const lines = 'a line of a message that nobody sent\n'.repeat(50)

const text = Buffer.from(`${header}\n${lines}`)
const small = attachment(4 * 1024)

/** Writes the number of the round into the mail, so that it is no copy of another round's. */
function numberMail(mail: Buffer, number: number): void {
  const digits = String(number).padStart(NUMBER.length, '0')
  mail.write(digits, mail.indexOf(NUMBER_FIELD) + NUMBER_FIELD.length, 'latin1')
}

/** Makes a message like most mail: a text in two forms, and a file of so many bytes. */
function attachment(bytes: number): Buffer {
  const multipart = (kind: string, boundary: string, parts: readonly string[]) =>
    `Content-Type: multipart/${kind}; boundary="${boundary}"\n\n` +
    `${parts.map((part) => `--${boundary}\n${part}\n`).join('')}--${boundary}--\n`
  const file = randomBytes(bytes).toString('base64').replace(/.{76}/g, '$&\n')
  const plain = `Content-Type: text/plain; charset=utf-8\n\n${lines}`
  const html =
    'Content-Type: text/html; charset="utf-8"\nContent-Transfer-Encoding: quoted-printable\n\n' +
    lines.replaceAll('message', 'mess=\n=61ge')
  const pdf =
    'Content-Type: application/pdf; name="file.pdf"\nContent-Transfer-Encoding: base64\n' +
    `Content-Disposition: attachment;\n\tfilename="file.pdf"\n\n${file}`
  const texts = multipart('alternative', '----=_inner', [plain, html])
  return Buffer.from(
    `${header}MIME-Version: 1.0\n${multipart('mixed', '----=_outer', [texts, pdf])}`,
  )
}

function askAbout(message: Buffer, slot: string): Promise<Buffer> {
  const question = {
    variables: { QHPSI: 'plugin: clamd', TCPREMOTEIP: '127.0.0.1' },
    timeLeft: 10_000,
    envelope: Buffer.from('Fa@localhost\0Tb@localhost\0\0'),
    message,
  }
  return converse(slot, question, PATIENCE)
}
