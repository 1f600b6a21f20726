import { connect, createServer, type Socket } from 'node:net'
import t from 'tap'
import {
  claiming,
  element,
  message,
  result,
  sequence,
  startScriptedDirectory,
} from '../../base/protocol/ldap/scripted-directory.ts'
import { listen } from '../../programs/host/listen.ts'
import { slapdMissing, startSlapd } from '../../programs/servers/slapd.ts'
import { startQuotad } from '../quotad.ts'

/** onescan-quotad as it runs, with directories that send invalid answers (test/base/protocol/ldap/ has more). */

t.test('onescan-quotad continues to answer while a directory sends invalid answers', async (t) => {
  let invalid = Buffer.of()
  const server = await startScriptedDirectory(t, ({ id, asks }, socket) => {
    if (asks === 'bind') socket.write(message(id, result(0x61, 0)))
    if (asks === 'search') socket.write(invalid)
  })
  const env = { QUOTALDAPURL: server.url, QUOTAMAILBOX: 'maildir:%h' }
  for (const [answers, reason] of [
    [Array(5000).fill(message(0x7f, element(0x65))), /sent an unexpected answer/],
    [Array(5000).fill(sequence()), /sent data that is not LDAP/],
    [[claiming(0x30, 2 ** 31 - 1, Buffer.alloc(1024 * 1024))], /sent too much for one request/],
  ] as const) {
    invalid = Buffer.concat(answers)
    const quotad = await startQuotad(t, env)
    t.equal(await quotad.ask('CHECK_QUOTA ann'), 'QUOTA_ERROR ann')
    t.equal(await quotad.ask('CHECK_QUOTA ben'), 'QUOTA_ERROR ben')
    t.ok(await quotad.logged(reason))
    t.equal(await quotad.stop(), 0)
  }
})

t.test(
  'onescan-quotad uses ldaps again after an invalid answer',
  { skip: slapdMissing },
  async (t) => {
    const slapd = await startSlapd(t, [{ uid: 'ann', mailMessageStore: '/nonexistent/ann' }], 'all')
    let isInvalid = true
    const { port, pathname } = new URL(slapd.secureUrl)
    const take = (socket: Socket) => {
      if (isInvalid) return void socket.write('HTTP/1.1 400 Bad Request\r\n\r\n')
      const honest = connect(Number(port), '127.0.0.1')
      honest.on('error', () => socket.destroy())
      socket.pipe(honest).pipe(socket)
    }
    const url = `ldaps://127.0.0.1:${await listen(t, createServer(take))}${pathname}`
    const quotad = await startQuotad(t, {
      QUOTAMAILBOX: 'maildir:%h',
      QUOTALDAPURL: url,
      QUOTALDAPCA: slapd.authorities,
    })
    t.equal(await quotad.ask('CHECK_QUOTA ann 0'), 'QUOTA_ERROR ann')
    isInvalid = false
    let answer = ''
    while (!answer.startsWith('QUOTA_OK')) {
      answer = await quotad.ask('CHECK_QUOTA ann 0')
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    t.equal(answer, 'QUOTA_OK ann 0 0', 'and the mailbox counts as empty until it is there')
  },
)
