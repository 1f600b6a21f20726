import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { firstFields } from '../../../src/mail/mime/leaves/mail-starts.ts'
import { readClamdAddress } from '../../../src/scanner/scan/scanners/clamd/clamd-address.ts'
import { ClamdScanner } from '../../../src/scanner/scan/scanners/clamd/clamd-scanner.ts'
import { askClamd } from '../../../src/scanner/scan/scanners/clamd/session-pool.ts'
import type { Sample } from '../../../src/scanner/scan/scanners/contract/scanner.ts'
import { EICAR } from '../../../src/scanner/scan/scanners/eicar/eicar.ts'
import type { ScanResult } from '../../../src/scanner/scan/scanners/findings/scan-result.ts'
import { ReadBy } from '../../mail/message/bytes.ts'
import { clamdSettings, sample, scan, scanTask } from '../../scanner/scan/scanners/clamd/task.ts'
import { clamdMissing, EICAR_NAME, startClamd } from '../servers/clamd.ts'

const skip = clamdMissing
const MIB = 1024 * 1024

const header = 'From: a@example.org\nSubject: s\nMIME-Version: 1.0\n'
const plain = Buffer.from(`${header}\nHello\n`)
const infectedPlain = Buffer.from(`${header}\n${EICAR}\n`)
const infectedAttachment = Buffer.from(
  `${header}Content-Type: multipart/mixed; boundary=b\n\n--b\n\nHello\n--b\n` +
    'Content-Type: application/octet-stream; name=e.com\nContent-Transfer-Encoding: base64\n' +
    `\n${Buffer.from(EICAR).toString('base64')}\n--b--\n`,
)
const mail = (size: number) => {
  const message = Buffer.alloc(size, `${'0123456789abcdef'.repeat(4)}\n`)
  message.write(`${header}\n`)
  return message
}
const infectedMail = (size: number) => Buffer.concat([mail(size), Buffer.from(`\n${EICAR}\n`)])

t.test('a real clamd', { skip }, async (t) => {
  const clamd = await startClamd(t, { tcp: true })

  t.test(
    'clamd distinguishes clean mail from EICAR, in the body and in base64, over both sockets',
    async (t) => {
      for (const address of [clamd.socket, clamd.tcp]) {
        const answerTo = async (message: Buffer) => (await scan(address, sample(message))).answer
        t.same(await answerTo(plain), { answer: 'clean' })
        t.same(await answerTo(Buffer.alloc(0)), { answer: 'clean' }, 'an empty message')
        t.same(await answerTo(infectedPlain), { answer: 'infected', name: EICAR_NAME })
        t.same(await answerTo(infectedAttachment), { answer: 'infected', name: EICAR_NAME })
      }
      t.notOk(process.getActiveResourcesInfo().includes('Timeout'), 'no timer is left')
    },
  )

  t.test('clamd treats a file that begins with one of these fields as mail', async (t) => {
    const rest = `Content-Transfer-Encoding: base64\n\n${Buffer.from(EICAR).toString('base64')}\n`
    for (const name of firstFields) {
      const { answer } = await scan(clamd.socket, sample(Buffer.from(`${name}: x\n${rest}`)))
      t.same(answer, { answer: 'infected', name: EICAR_NAME }, name)
    }
    const other = await scan(clamd.socket, sample(Buffer.from(`X-Other: x\n${rest}`)))
    t.same(other.answer, { answer: 'clean' }, 'another field')
  })

  t.test('gets 20 MB to the last byte', async (t) => {
    t.same((await scan(clamd.socket, sample(mail(20 * MIB)))).answer, { answer: 'clean' })
    const { answer } = await scan(clamd.socket, sample(infectedMail(20 * MIB)))
    t.same(answer, { answer: 'infected', name: EICAR_NAME })
  })

  t.test('answers PING and VERSION for onescan check', async (t) => {
    const address = readClamdAddress(clamd.socket)
    const signal = AbortSignal.timeout(10_000)
    t.same(await askClamd(address, 'PING', signal), { kind: 'answered', reply: 'PONG' })
    t.match(await askClamd(address, 'VERSION', signal), { reply: /^ClamAV [0-9]/ })
  })
})

t.test('a real clamd over lasting connections', { skip }, async (t) => {
  const clamd = await startClamd(t, { tcp: true, streamMaxLength: '1M' })

  for (const address of [clamd.socket, clamd.tcp]) {
    const scanner = new ClamdScanner(clamdSettings(address), { isLasting: true })
    t.teardown(() => scanner.close())
    const answerTo = (message: Sample) => scanner.scan(message, scanTask().task)

    t.test(`answers are those of their messages (${address})`, async (t) => {
      const large = sample(infectedMail(MIB / 2))
      const harmless = sample(mail(MIB / 2))
      const found = { answer: 'infected', name: EICAR_NAME }
      for (let round = 0; round < 3; round++) {
        const [clean, infected] = [answerTo(sample(plain)), answerTo(sample(infectedPlain))]
        t.same([await clean, await infected], [{ answer: 'clean' }, found])
        t.same(await answerTo(sample(Buffer.alloc(0))), { answer: 'clean' }, 'an empty message')
        t.same(await answerTo(large), found)
        t.same(await answerTo(harmless), { answer: 'clean' })
        for (const size of [MIB + 1, 20 * MIB]) {
          const limited = { answer: 'unread', kind: 'size', reason: /size limit exceeded/ }
          t.match(await answerTo(sample(mail(size))), limited)
        }
      }
    })

    t.test(`signatures that clamd reads anew count at once (${address})`, async (t) => {
      const mark = `onescan-${address.length}-mark`
      const signature = `New-${address.length}:0:*:${Buffer.from(mark).toString('hex')}\n`
      const marked = (n: number) => sample(Buffer.from(`${header}\n${mark}\n${n}\n`))
      t.same(await answerTo(marked(0)), { answer: 'clean' })
      writeFileSync(join(clamd.directory, 'db', `${mark}.ndb`), signature)
      // It loads them beside its work, and reports nothing when it has.
      const reload = connect(clamd.socket).end('zRELOAD\0')
      t.equal(String((await once(reload, 'data'))[0]), 'RELOADING\0')
      let answer: ScanResult = { answer: 'clean' }
      for (let n = 1; answer.answer === 'clean'; n++) answer = await answerTo(marked(n))
      t.match(answer, { answer: 'infected', name: `New-${address.length}.UNOFFICIAL` })
    })
  }

  t.test('a hundred idle connections keep no message from being scanned', async (t) => {
    const scanners = Array.from({ length: 100 }, () => {
      const scanner = new ClamdScanner(clamdSettings(clamd.socket), { isLasting: true })
      t.teardown(() => scanner.close())
      return scanner
    })
    for (const scanner of scanners) await scanner.scan(sample(plain), scanTask().task)
    t.same((await scan(clamd.socket, sample(infectedPlain))).answer.answer, 'infected')
  })
})

t.test('a message over a scan limit with AlertExceedsMax is not a virus', { skip }, async (t) => {
  const clamd = await startClamd(t, { maxFileSize: '1M', alertExceedsMax: true })
  const { answer } = await scan(clamd.socket, sample(infectedMail(2 * MIB)))
  t.match(answer, { answer: 'unread', kind: 'unpacked', reason: /Heuristics\.Limits\.Exceeded/ })
})

t.test('a clamd that is stopped during a scan gives an unknown result', { skip }, async (t) => {
  const clamd = await startClamd(t)
  process.kill(clamd.pid, 'SIGSTOP')

  const { task, abort } = scanTask()
  const hangs = new ClamdScanner(clamdSettings(clamd.socket)).scan(signalled(plain, abort), task)
  t.match(await hangs, {
    answer: 'unknown',
    cause: 'timeout',
    reason: /no answer within the time limit/,
  })

  const kill = () => void process.kill(clamd.pid, 'SIGKILL')
  const { answer } = await scan(clamd.socket, signalled(plain, kill))
  t.match(answer, { answer: 'unknown', reason: /closed the connection without a reply/ })

  const gone = await scan(clamd.socket, sample(plain))
  t.match(gone.answer, {
    answer: 'unknown',
    cause: 'unreachable',
    reason: /cannot connect \(connection refused\)/,
  })
})

/** Returns a small message as a sample that calls back when it was sent. */
function signalled(message: Buffer, happens: () => void): Sample {
  const bytes = new ReadBy(message.length, function* () {
    yield message
    setImmediate(happens) // the one write of a small message comes before that
  })
  return { ...sample(message), bytes }
}
