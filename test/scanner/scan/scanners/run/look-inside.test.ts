import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'
import { readSpoolSettings } from '../../../../../src/mail/message/spool.ts'
import { readScanSettings } from '../../../../../src/scanner/scan/scanners/contract/scan-settings.ts'
import { EICAR } from '../../../../../src/scanner/scan/scanners/eicar/eicar.ts'
import { makeScanners } from '../../../../../src/scanner/scan/scanners/make-scanners.ts'
import { scanBytes } from '../../../../../src/scanner/scan/scanners/run/manual-scan.ts'
import { lacks } from '../../../../needs.mjs'
import { clamdMissing, EICAR_NAME, startClamd } from '../../../../programs/servers/clamd.ts'
import { filePart, mail, mixed, multipart } from '../evasions/compose.ts'

/** A file in an archive: its name, what is in it, and how often. */
type Packed = readonly [name: string, content: string, times: number]

/** An archive as Python writes it. */
function archive(kind: string, files: readonly Packed[]): Buffer {
  const input = JSON.stringify(
    files.map(([name, content, times]) => [name, Buffer.from(content).toString('base64'), times]),
  )
  const program = join(import.meta.dirname, 'make-archive.py')
  return spawnSync('python3', [program, kind], { input, maxBuffer: 2 ** 28 }).stdout
}

const MIB = 1024 * 1024
const LINE = 'Jun  1 10:00:00 mx postfix/smtpd[4711]: connect from sender.example.org\n'
const of = (bytes: number) => Math.ceil(bytes / LINE.length)
/** Files that clamd reads, each by itself, and that are more than it reads together. */
const logs = Array.from(
  { length: 3 },
  (_, n): Packed => [`${n}.log`, `${n} ${LINE}`, of(1.9 * MIB)],
)
const long: Packed = ['long.log', LINE, of(6 * MIB)]
const zeros: Packed = ['zeros', '\0', 6 * MIB]
const virus: Packed = ['invoice.com', EICAR, 1]

const skip = clamdMissing || lacks('python3')

t.test('with a clamd that reads 2 MiB of a file, and 5 MiB of an archive', { skip }, async (t) => {
  const limits = { maxFileSize: '2M', maxScanSize: '5M', streamMaxLength: '50M' }
  const clamd = await startClamd(t, { ...limits, alertExceedsMax: true })
  /** What is found in a message with a file, and what is noted. */
  const scan = async (file: Buffer | string) => {
    const env = { CLAMD: clamd.socket, QHPSI: 'plugin: clamd' }
    const settings = readScanSettings(env, { qmailHome: '/nowhere', control: '/nowhere' })!
    async function* bytes() {
      yield Buffer.from(typeof file === 'string' ? mail(file) : mixed(filePart(file)), 'latin1')
    }
    const scanners = await makeScanners(settings)
    return scanBytes(bytes(), { spool: readSpoolSettings(env), scanners, settings })
  }

  const ordinary: Readonly<Record<string, Buffer>> = {
    'logs in zip': archive('zip', logs),
    'logs in zip that was streamed': archive('streamed zip', logs),
    'logs in tar.gz': archive('tar.gz', logs),
    'a long log in gz': archive('gz', [long]),
    'a long log in tar.gz': archive('tar.gz', [long]),
  }
  for (const [name, file] of Object.entries(ordinary)) {
    const { result, notes } = await scan(file)
    t.match(result, { answer: 'clean' }, name)
    t.match(notes.join(), /Heuristics.Limits.Exceeded.*each file in it is clean/, name)
  }

  const found: Readonly<Record<string, Buffer>> = {
    'a file behind logs in zip': archive('zip', [...logs, virus]),
    'a file behind logs in zip that was streamed': archive('streamed zip', [...logs, virus]),
    'a file behind logs in tar.gz': archive('tar.gz', [...logs, virus]),
    'a file behind logs in several streams of gz': archive('gz', [...logs, virus]),
    'a file behind a long log in zip': archive('zip', [long, virus]),
    'a file at the end of a long log': archive('gz', [['a.log', LINE.repeat(75_000) + EICAR, 1]]),
  }
  for (const [name, file] of Object.entries(found)) {
    t.match((await scan(file)).result, { answer: 'infected', name: EICAR_NAME }, name)
  }

  const whole = archive('zip', [...logs, virus])
  /** The archive without one entry of its directory. */
  const withoutLast = (() => {
    const from = whole.lastIndexOf('PK\x01\x02')
    const end = Buffer.from(whole.subarray(-22))
    end.writeUInt16LE(logs.length, 8)
    end.writeUInt16LE(logs.length, 10)
    end.writeUInt32LE(end.readUInt32LE(12) - (whole.length - 22 - from), 12)
    return Buffer.concat([whole.subarray(0, from), end])
  })()
  const encrypted = Buffer.from(whole)
  encrypted[whole.indexOf('PK\x01\x02') + 8]! |= 1
  const unread: Readonly<Record<string, Buffer>> = {
    'zeros before a file': archive('zip', [zeros, virus]),
    'zeros in gz': archive('gz', [zeros]),
    'a file that the directory of a zip does not name': withoutLast,
    'something in front of a zip': Buffer.concat([Buffer.from('MZ'), whole]),
    'something behind a zip': Buffer.concat([whole, Buffer.from('more')]),
    'encrypted files in zip': encrypted,
    'files in zip that are packed otherwise': archive('bzip2 in zip', [...logs, virus]),
  }
  for (const [name, file] of Object.entries(unread)) {
    const { result } = await scan(file)
    if (result.answer !== 'infected') t.match(result, { answer: 'unread', kind: 'unpacked' }, name)
  }

  const several = logs.map((log) => filePart(archive('gz', [log])))
  t.match(
    (await scan(multipart('mixed', several))).result,
    { answer: 'clean' },
    'a limit about all of them',
  )

  const { result } = await scan(Buffer.alloc(3 * MIB, 'a file that is so large'))
  t.match(
    result,
    { answer: 'unknown', cause: 'limit', reason: /MaxFileSize/ },
    'what we have counted',
  )
})
