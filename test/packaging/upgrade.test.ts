import { execFileSync } from 'node:child_process'
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { EICAR } from '../../src/scanner/scan/scanners/eicar/eicar.ts'
import { openDirectory } from '../programs/host/reachable.ts'
import type { BootedDebian } from './booted-debian.ts'
import { POSTFIX } from './broken-hosts.ts'
import { packageOnce } from './built-package.ts'
import { bootMailHost, mailHostMissing } from './mail-host.ts'

/** An upgrade from an earlier package, on a host with Postfix where mail comes in all the time. */

/** The package, as an earlier commit would make it: older, with another path for a socket. EARLIER is a real one. */
function earlierPackage(t: Test, file: string): string {
  if (process.env.EARLIER) return process.env.EARLIER
  const directory = openDirectory(t)
  const tree = join(directory, 'tree')
  execFileSync('dpkg-deb', ['--raw-extract', file, tree])
  const change = (path: string, from: RegExp, to: string) => {
    const text = readFileSync(join(tree, path), 'utf8')
    if (!from.test(text)) throw new Error(`${path}: lacks ${from}`)
    writeFileSync(join(tree, path), text.replace(from, to))
  }
  change('lib/systemd/system/onescand.socket', /qmail\.sock/, 'slot.sock')
  change(
    'lib/systemd/system/onescand.service',
    / \$ONESCAND_OPTIONS/g,
    ' --socket /run/onescan/slot.sock $ONESCAND_OPTIONS',
  )
  change('DEBIAN/control', /^Version: .*/m, 'Version: 0.9.0')
  execFileSync('dpkg-deb', ['--build', '-Znone', tree, join(directory, 'earlier.deb')])
  return join(directory, 'earlier.deb')
}

/** Sends clean mail, and every third time EICAR, until /stop exists; prints the replies to both, each once. */
const FLOW = `
import os, smtplib, sys
seen, n = set(), 0
while not os.path.exists('/stop'):
    n += 1
    body = '${EICAR.replaceAll('\\', '\\\\')}' if n % 3 == 0 else 'clean %d' % n
    with smtplib.SMTP('127.0.0.1', 25, timeout=120) as s:
        s.ehlo(); s.mail('ann@example.net'); s.rcpt('you@example.org')
        code, _ = s.data('Subject: flow\\r\\n\\r\\n%s\\r\\n' % body)
    seen.add(('virus' if n % 3 == 0 else 'clean', code))
    if n % 3 and code == 250: print('accepted', n, flush=True)
print(*sorted('%s %d' % pair for pair in seen), sep='\\n')
`

/** Sends a clean mail and EICAR, and prints the replies. */
const TWO = `
import smtplib
for body in ('clean', '${EICAR.replaceAll('\\', '\\\\')}'):
    with smtplib.SMTP('127.0.0.1', 25, timeout=120) as s:
        s.ehlo(); s.mail('ann@example.net'); s.rcpt('you@example.org')
        print(s.data('Subject: two\\r\\n\\r\\n%s\\r\\n' % body)[0])
`

const REFUSED = /^ok +port 25, EICAR: (?:is )?refused/m

async function hostWithEarlier(t: Test): Promise<BootedDebian> {
  const host = await bootMailHost(t, 'postfix python3 iproute2', POSTFIX)
  const file = await packageOnce('whole')
  copyFileSync(earlierPackage(t, file), join(host.path, 'earlier.deb'))
  copyFileSync(file, join(host.path, 'onescan.deb'))
  writeFileSync(join(host.path, 'flow.py'), FLOW)
  writeFileSync(join(host.path, 'two.py'), TWO)
  t.notMatch(
    host.run('dpkg -P onescan').output,
    /qmail-queue/,
    'a purge does not warn of a link that nothing uses',
  )
  const { code, output } =
    host.run(`dpkg -i /earlier.deb && echo 'REJECTVIRUS="1"' >>/etc/default/onescand && systemctl restart onescand &&
      sh $(find /usr/share -name postfix-milter) && postfix reload && systemctl is-active onescand`)
  if (code !== 0) throw new Error(output + host.run('journalctl -u onescand -n 30 -o cat').output)
  return host
}

t.test('an upgrade with mail flowing', { skip: mailHostMissing }, async (t) => {
  const host = await hostWithEarlier(t)
  const { code, output } = host.run(`python3 /flow.py >/flow 2>&1 & flow=$!
    for i in $(seq 100); do grep -q accepted /flow && break; sleep 0.1; done
    dpkg -i /onescan.deb; code=$?
    sleep 3; touch /stop; wait $flow; rm /stop; exit $code`)
  t.equal(code, 0, output)
  const flow = host.run('cat /flow').output
  const replies = flow.split('\n').filter((line) => /^(clean|virus) /.test(line))
  t.same(
    replies.filter((reply) => !/^(clean (250|451)|virus (550|451))$/.test(reply)),
    [],
    `each is scanned or deferred: ${flow.slice(-500)}`,
  )
  const accepted = flow.match(/^accepted /gm)!.length
  host.run(
    `for i in $(seq 100); do test "$(grep -c '^clean ' /var/mail/you)" -ge ${accepted} && break; sleep 0.1; done`,
  )
  const delivered = Number(host.run("grep -c '^clean ' /var/mail/you").output)
  t.equal(delivered, accepted, 'what was accepted is delivered')
  t.equal(Number(host.run("grep -c '^X-QHPSI: clean' /var/mail/you").output), accepted)
  const look = () => {
    t.match(host.run('systemctl is-active onescand').output, /^active$/m)
    t.match(host.run('ls /run/onescan').output, /^qmail\.sock$/m)
    t.match(host.run('onescan check --mail you@example.org').output, REFUSED)
    t.equal(host.run('python3 /two.py').output, '250\n550\n')
  }
  look()
  await host.reboot()
  host.run('for i in $(seq 300); do test -S /run/clamav/clamd.ctl && break; sleep 0.1; done')
  look()

  const page = readFileSync(join(import.meta.dirname, '../../doc/install.md'), 'utf8')
  const [, disconnects] = /run `(postconf -e smtpd_milters= [^`]*)`/.exec(page)!
  const removed = host.run(`${disconnects} && apt-get remove --yes onescan`)
  t.equal(removed.code, 0, removed.output)
  const looks = () =>
    t.equal(host.run('python3 /two.py').output, '250\n250\n', 'mail flows without onescan')
  looks()
  await host.reboot()
  looks()
})

t.test(
  'an upgrade after which onescand does not start fails',
  { skip: mailHostMissing },
  async (t) => {
    const host = await hostWithEarlier(t)
    host.run(`echo 'ONESCAND_OPTIONS="--workers 0"' >>/etc/default/onescand`)
    const { code, output } = host.run('dpkg -i /onescan.deb')
    t.not(code, 0, output)
    t.match(output, /^onescan: ERROR: after the upgrade, onescand\.service does not run$/m)
    t.match(output, /^onescan: .*--workers 0/m)
    const [, remedy = ''] = /run: (systemctl restart .*)$/m.exec(output) ?? []
    const cured = host.run(
      `sed -i '/^ONESCAND_OPTIONS/d' /etc/default/onescand; ${remedy} && dpkg --configure onescan && onescan check --mail you@example.org`,
    )
    t.match(cured.output, REFUSED)
  },
)
