import t from 'tap'
import {
  levelsOpened,
  probeLimitReports,
} from '../../../../src/scanner/readiness/clamd/limit-probes.ts'
import { readClamdAddress } from '../../../../src/scanner/scan/scanners/clamd/clamd-address.ts'
import { ClamdServer } from '../../../../src/scanner/scan/scanners/clamd/clamd-server.ts'
import { EICAR } from '../../../../src/scanner/scan/scanners/eicar/eicar.ts'
import { replyingWith, standIn } from '../../scan/scanners/clamd/stand-in.ts'

/** Whether a clamd reports what it did not scan; test/programs/ asks a real one. */
const clamdAt = (socket: string) => new ClamdServer(readClamdAddress(socket), { isLasting: false })

const { signal } = new AbortController()

for (const [reply, answer] of [
  ['stream: OK\0', { kind: 'no' }],
  ['stream: Heuristics.Limits.Exceeded.MaxRecursion FOUND\0', { kind: 'yes' }],
  ['stream: Eicar-Test-Signature FOUND\0', { kind: 'yes' }],
  ['INSTREAM size limit exceeded. ERROR\0', { kind: 'unknown', reason: /StreamMaxLength/ }],
  ['stream: out of memory ERROR\0', { kind: 'unknown', reason: /out of memory/ }],
  ['stream: O', { kind: 'unknown', reason: /during its reply/ }],
] as const) {
  t.test(`a clamd that replies ${JSON.stringify(reply)}`, async (t) => {
    const server = await standIn(t, replyingWith(reply))
    t.match(await probeLimitReports(clamdAt(server.socket), signal), answer)
    const mail = server.asked[0]!.message.toString('latin1')
    t.equal(mail.match(/^Content-Type: multipart\/mixed; boundary=part\d+$/gm)?.length, 120)
    t.equal(mail.match(/^--part\d+$/gm)?.length, 120)
    t.equal(mail.match(/^--part\d+--$/gm)?.length, 120)
    const [, encoded = ''] = /base64\n\n([^-]+)\n--/.exec(mail) ?? []
    t.equal(Buffer.from(encoded, 'base64').toString(), EICAR)
    t.match(encoded, /^.{76}\n.{1,76}$/, 'in lines of base64')
  })
}

for (const opened of [1, 2, 6, 13, 14]) {
  t.test(`a clamd that opens ${opened} multiparts inside one another`, async (t) => {
    const server = await standIn(t, (asked) => {
      const levels = asked.message.toString('latin1').match(/^--part\d+--$/gm)!.length
      replyingWith(levels > opened ? 'stream: OK\0' : 'stream: Eicar FOUND\0')(asked)
    })
    t.equal(await levelsOpened(clamdAt(server.socket), 14, signal), opened)
    t.ok(server.asked.length <= 5, 'is asked at most five times')
  })
}

for (const [reply, what] of [
  ['stream: OK\0', 'finds nothing in any'],
  ['stream: out of memory ERROR\0', 'does not know'],
] as const) {
  t.test(`a clamd that ${what} has no number of levels`, async (t) => {
    const server = await standIn(t, replyingWith(reply))
    t.equal(await levelsOpened(clamdAt(server.socket), 14, signal), undefined)
  })
}
