import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { checkMailPorts } from '../../../../src/cli/check/mail-servers/send-mail.ts'
import type { Finding } from '../../../../src/ground/errors/finding.ts'
import { newest, startOnescand } from '../../../doors/daemon/process.ts'
import { startNext } from '../../../doors/smtp/next-server.ts'
import { freePort } from '../../../programs/free-port.ts'
import { headerValues } from '../../../programs/header-values.ts'
import { findProgram } from '../../../programs/install.mjs'
import { postfixMissing, startPostfix } from '../../../programs/postfix.ts'
import { openDirectory, reachable } from '../../../programs/reachable.ts'
import { asPlain, jsonIn, ofPlain, onescan } from '../../onescan.ts'

/** `onescan check --mail ADDRESS` sends two mails by SMTP, and tells what the server answers. */

const TO = 'ann@example.org'

/** The words that run a program on a host of its own, as far as the network goes. */
async function apart(t: Test): Promise<readonly string[]> {
  const script = 'ip link set lo up && echo up && exec sleep 600'
  const holder = spawn('unshare', ['--net', '/bin/sh', '-c', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.teardown(() => holder.kill())
  await once(holder.stdout, 'data')
  return ['nsenter', '--net', '-t', `${holder.pid}`, '--']
}

const apartMissing =
  (!findProgram('ip') && 'install Debian package iproute2') ||
  (spawnSync('unshare', ['--net', 'true']).status !== 0 && 'this machine has no networks to give')

t.test(
  'port 25 of a Postfix refuses EICAR, and a port 587 without the milter is an error',
  { skip: postfixMissing || apartMissing },
  async (t) => {
    const around = await apart(t)
    const directory = openDirectory(t)
    mkdirSync(join(directory, 'mail'))
    chmodSync(join(directory, 'mail'), 0o777)
    const milter = `unix:${directory}/milter`
    ofPlain(directory)
    const daemon = startOnescand(t, {
      program: [...asPlain(), ...newest.map(reachable)],
      socket: `${directory}/slot.sock`,
      args: ['--milter', milter, '--mode', '0666'],
      settings: { QHPSI: 'plugin: eicar', REJECTVIRUS: '1', TMPDIR: directory },
    })
    await daemon.logged(/serving/)
    const main = {
      smtpd_milters: milter,
      virtual_mailbox_domains: 'example.org',
      virtual_mailbox_base: directory,
      virtual_mailbox_maps: 'static:mail/',
      virtual_uid_maps: 'static:65534',
      virtual_gid_maps: 'static:65534',
    }
    const smtpd = () => '25 inet n - n - - smtpd\n587 inet n - n - - smtpd\n  -o smtpd_milters='
    const virtual = 'virtual unix - n n - - virtual'
    const postfix = await startPostfix(1, main, undefined, { smtpd, services: virtual }, around)
    t.teardown(postfix.stop)

    const env = { ONESCAN_SOCKET: daemon.socket }
    const { out, code } = await onescan(['check', '--mail', TO, '--json'], { env, around })
    t.match(jsonIn<Finding>(out).results, [
      { level: 'ok', what: 'port 25, clean mail', value: `is taken; ${TO} gets it with "X-QHPSI` },
      { level: 'ok', what: 'port 25, EICAR', value: /^is refused: 550 5\.7\.1 .*EICAR/i },
      { level: 'ok', what: 'port 587, clean mail' },
      {
        level: 'error',
        what: 'port 587, EICAR',
        value: /^is taken: 250 .*REJECTVIRUS=1 refuses/,
      },
    ])
    t.equal(code, 2)
    while (postfix.queued() > 0) await setTimeout(20)
    const came = readdirSync(join(directory, 'mail/new')).map((name) =>
      readFileSync(join(directory, 'mail/new', name)),
    )
    const tags = came.map((message) => headerValues(message, 'X-QHPSI').join())
    t.same(tags.sort(), ['', '', 'clean'], 'one by the milter, two around it')
    for (const message of came) {
      t.same(headerValues(message, 'Return-Path'), ['<>'])
      t.match(headerValues(message, 'Subject').join(), /^onescan check [0-9a-f]{8}$/)
    }
  },
)

t.test('a server that leads mail around onescan is an error, by what settings say', async (t) => {
  const next = await startNext(t)
  const found = async (action: Parameters<typeof checkMailPorts>[1]) =>
    (await checkMailPorts(TO, action, [next.port])).at(-1)
  t.match(await found('reject'), {
    level: 'error',
    value: /^is taken: 250 .*REJECTVIRUS=1 refuses/,
  })
  t.match(await found('tag'), { level: 'ok', value: /with "X-QHPSI: virus found"/ })
  t.match(await found('drop'), { level: 'ok', value: /it does not come/ })
  t.match(await found(undefined), {
    level: 'warning',
    remedy: /^see that ann@example\.org does not/,
  })
})

t.test('a server that defers all mail, as without its milter, is an error', async (t) => {
  const next = await startNext(t, {
    script: (verb) => (verb === 'MAIL' ? '451 4.7.1 Service unavailable' : undefined),
  })
  t.match(await checkMailPorts(TO, 'reject', [next.port]), [
    {
      level: 'error',
      value: /^is not taken: 451 4\.7\.1/,
      remedy: /^see the log of the mail server/,
    },
  ])
})

t.test('a server that takes no such mail gets none, and nothing is sent at all', async (t) => {
  const next = await startNext(t, {
    script: (verb) => (verb === 'RCPT' ? '550 5.1.1 no such user' : undefined),
  })
  const gone = await freePort()
  t.match(await checkMailPorts(TO, 'reject', [next.port, gone]), [
    { level: 'warning', value: /takes no mail for .*: 550 5\.1\.1 no such user/ },
    { level: 'ok', what: `port ${gone}`, value: /^nobody takes mail there: / },
  ])
  t.match(await checkMailPorts(TO, 'reject', [gone]), [
    { level: 'error', remedy: 'start the mail server' },
  ])
  t.same(next.got, [])
  for (const wrong of ['ann', 'ann@x>\r\nQUIT', '', 'a b@example.org']) {
    t.match(await checkMailPorts(wrong, 'reject', [next.port]), [
      { level: 'error', what: '--mail' },
    ])
  }
})
