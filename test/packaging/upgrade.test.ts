import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { BootedDebian } from './booted-debian.ts'
import { POSTFIX } from './broken-hosts.ts'
import { packageOnce } from './built-package.ts'
import { earlierPackage } from './earlier-package.ts'
import { bootMailHost, mailHostMissing } from './mail-host.ts'

/**
 * An upgrade after which onescand does not start, and one from a package that contained all programs. host-ways.test.ts has
 * those with mail.
 */

const REFUSED = /^ok +port 25, EICAR: (?:is )?refused/m

/** As apt upgrades the packages of a repository. */
const UPGRADE =
  'apt-get install --yes --no-install-recommends /onescan.deb /onescan-runtime.deb </dev/null'

async function hostWithEarlier(t: Test): Promise<BootedDebian> {
  const host = await bootMailHost(t, 'postfix python3 iproute2', POSTFIX)
  const file = await packageOnce('whole')
  copyFileSync(earlierPackage(t, file), join(host.path, 'earlier.deb'))
  t.notMatch(
    host.run('dpkg -P onescan onescan-runtime').output,
    /qmail-queue/,
    'a purge does not warn of a link that nothing uses',
  )
  const { code, output } =
    host.run(`dpkg -i /earlier.deb && echo 'REJECTVIRUS="1"' >>/etc/default/onescand && systemctl restart onescand &&
      sh $(find /usr/share -name postfix-milter) && postfix reload && systemctl is-active onescand`)
  if (code !== 0) throw new Error(output + host.run('journalctl -u onescand -n 30 -o cat').output)
  return host
}

t.test(
  'an upgrade after which onescand does not start fails',
  { skip: mailHostMissing },
  async (t) => {
    const host = await hostWithEarlier(t)
    host.run(`echo 'ONESCAND_OPTIONS="--workers 0"' >>/etc/default/onescand`)
    const { code, output } = host.run(UPGRADE)
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

/** The quota service as it answers, and whether its program is the installed one. */
const QUOTA = `onescan quota you --env QUOTAD=quotad:127.0.0.1:8625
  readlink /proc/$(systemctl show --property MainPID --value onescan-quotad)/exe`

t.test(
  'an upgrade from a package that contained onescan-quotad and smtp-delay',
  { skip: mailHostMissing },
  async (t) => {
    const host = await hostWithEarlier(t)
    const must = (script: string) => {
      const { code, output } = host.run(script)
      t.equal(code, 0, `${script}: ${output}`)
      return output
    }
    must(`systemd-sysusers && systemctl enable --now onescan-quotad.socket onescan-quotad
      echo '# kept' >>/etc/default/onescan-quotad`)
    const answers = /there is space[\s\S]*onescan-runtime$/m
    t.match(host.run(QUOTA).output, answers)

    await t.test('without their packages fails, and the service runs until then', async (t) => {
      const { code, output } = host.run(UPGRADE)
      t.not(code, 0, output)
      t.match(output, /^onescan: ERROR: onescan-quotad runs on this host, and has a package/m)
      t.match(output, /^onescan: WARNING: smtp-delay is in the package smtp-delay now/m)
      t.match(host.run(QUOTA).output, /there is space[\s\S]*onescan-runtime \(deleted\)$/m)
    })

    await t.test('with their packages keeps the service running', async (t) => {
      const all = UPGRADE.replace('</dev/null', '/onescan-quotad.deb /smtp-delay.deb </dev/null')
      t.notMatch(must(all), /^onescan: (ERROR|WARNING): (onescan-|smtp-)/m)
      t.match(
        must('dpkg --audit; systemctl is-active onescan-quotad onescand'),
        /^active\nactive\n$/,
      )
      t.match(host.run(QUOTA).output, answers)
      t.match(must('cat /etc/default/onescan-quotad'), /^# kept$/m)
      t.match(must('smtp-delay --version'), /^smtp-delay /)
      await host.reboot()
      t.match(host.run(QUOTA).output, answers, 'after a reboot')
      t.match(host.run('onescan check --daemon').output, /finds EICAR/)
    })

    await t.test('each is removed by itself', async (t) => {
      must('apt-get purge --yes onescan')
      t.match(must('systemctl is-active onescan-quotad'), /^active$/m)
      must('test -S /run/onescan/quotad.sock')
      must('apt-get purge --yes onescan-quotad smtp-delay onescan-runtime')
      t.equal(
        must(
          'ls -d /usr/lib/onescan /run/onescan-quotad /etc/default/onescan-quotad 2>/dev/null; true',
        ),
        '',
      )
    })
  },
)
