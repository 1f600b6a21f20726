import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readQuarantine } from '../cases/kept.ts'
import { buildStage } from '../cases/stage.ts'
import { onescan, PLAIN } from '../scanner/cli/onescan.ts'
import { openPassage } from './servers/milter-mtas.ts'
import { postfixMissing, startPostfix } from './servers/postfix.ts'
import { openSmtp } from './servers/smtp-session.ts'

/** `onescan quarantine digest` through a Postfix whose milter keeps mail with the same text. */

t.test('a digest comes through Postfix, and is not kept', { skip: postfixMissing }, async (t) => {
  const stage = buildStage(t)
  const key = `hmac-sha256:a:${Buffer.alloc(32, 1).toString('base64url')}:release\n`
  const ring = stage.file('ring', key)
  const find = 'grep -aq CANARY "$1" && { echo "$1: Canary FOUND"; exit 1; }; exit 0'
  const finder = stage.file('finder', `#!/bin/sh\n${find}\n`, 0o755)
  const { receiver, port, mta, serve } = await openPassage(t, (t, relayPort, milter) =>
    startPostfix(t, relayPort, {
      smtpd_milters: milter,
      non_smtpd_milters: milter,
      milter_default_action: 'tempfail',
    }),
  )
  await serve(t, { QHPSI: finder, CLUSTERKEYS: ring, QUARANTINE: stage.quarantine })
  const kept = async () => (await readQuarantine(stage.quarantine)).length
  const send = async () => {
    const session = await openSmtp(port)
    const message = Buffer.from('Subject: CANARY\nFrom: ann@example.net\n\nx\n')
    await session.send({ from: 'ann@example.net', to: ['ben@example.org'], message })
    await session.quit()
  }
  const note = `cd ${stage.directory}; cat >message; printf '%s\\n' "$@" >words`
  const script = stage.file('sendmail', `#!/bin/sh\n${note}\n`, 0o755)
  const instead = 'mount --bind "$0" /usr/sbin/sendmail && exec "$@"'
  const digest = async (more: readonly string[], around: readonly string[] = []) => {
    const giveTo = (account: number) =>
      execFileSync('chown', ['-R', `${account}`, stage.quarantine, ring, stage.directory])
    giveTo(PLAIN)
    const own = ['--directory', stage.quarantine, '--postmaster', 'postmaster@example.org']
    const { code, err } = await onescan(['quarantine', 'digest', ...own, ...more], { around })
    giveTo(0)
    return { code, err }
  }
  const cameTo = async (to: string) => {
    const { sender, recipients, message } = await receiver.next()
    t.same([sender, recipients], ['', [to]])
    const [header, , body = ''] = message.toString('latin1').split('\n\n')
    t.match(header, /^Auto-Submitted: auto-generated$/m)
    t.match(Buffer.from(body.split('\n--')[0] ?? '', 'base64').toString(), /^1\. “CANARY”; From: /m)
  }
  const signed = ['--env', `CLUSTERKEYS=${ring}`]
  const bySmtp = ['--by', `127.0.0.1:${port}`]

  await send()
  t.equal(await kept(), 1)
  const unsigned = await digest([...bySmtp, '--env', 'CLUSTERKEYS=/nonexistent'])
  t.equal(unsigned.code, 2, 'onescand scans it, and cannot keep it while another account owns this')
  t.match(unsigned.err, / answers 451 /)
  t.same(await digest([...bySmtp, ...signed]), { code: 0, err: '' })
  await cameTo('postmaster@example.org')

  const around = ['unshare', '--mount', 'sh', '-c', instead, script]
  t.same(await digest(['--each', 'example.org', ...signed], around), { code: 0, err: '' })
  const taken = (name: string) => readFileSync(join(stage.directory, name))
  mta.submit(taken('message'), ...taken('words').toString('latin1').trimEnd().split('\n'))
  await cameTo('ben@example.org')
  t.equal(await kept(), 1)
})
