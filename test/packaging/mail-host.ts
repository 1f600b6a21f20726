import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { EICAR } from '../../src/scanner/scan/scanners/eicar/eicar.ts'
import { lacks } from '../needs.mjs'
import type { Ending } from '../programs/host/server.ts'
import { type BootedDebian, boot, bootMissing } from './booted-debian.ts'
import { packageOnce, packagingMissing, putPackages } from './built-package.ts'
import { makeDebian } from './debian.ts'

/** Why no host with a mail server can be booted here, or false. */
export const mailHostMissing: string | false = packagingMissing || bootMissing || lacks('ip')

/** Signatures: one, for the test file, since freshclam has nobody to ask here. */
const signature = `EICAR-Test:0:*:${Buffer.from(EICAR).toString('hex')}`

/** What README does with clamd, to the letter: its line for clamd.conf, and the start. */
const readme = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8')
const clamdOfReadme = [/^echo .*clamd\.conf$/m, /^systemctl .*clamav-daemon$/m].map((line) => {
  const [found] = line.exec(readme) ?? []
  if (found === undefined) throw new Error(`README.md lacks ${line}`)
  return found
})

interface MailHostOptions {
  /** Puts files below the directory of the host, before its mail server is set up. */
  readonly place?: ((directory: string) => void) | undefined
}

/**
 * Boots mail.example.org, on the release in RELEASE or that of this machine, with clamd, the package without its documents, and these ones; `prepare` is shell that sets up its mail
 * server. clamd is set up as README has it, and the host is booted once more. It takes mail for the user you@example.org, and
 * stops with the test.
 */
export async function bootMailHost(
  t: Ending,
  packages: string,
  prepare = ':',
  { place }: MailHostOptions = {},
): Promise<BootedDebian> {
  const [debian, file] = await Promise.all([
    makeDebian(t, process.env.RELEASE),
    packageOnce('whole'),
  ])
  putPackages(debian, file)
  copyFileSync('/etc/resolv.conf', join(debian.path, 'etc/resolv.conf'))
  place?.(debian.path)
  const prepared = debian.run(`
    printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d; chmod 755 /usr/sbin/policy-rc.d
    echo mail.example.org >/etc/hostname; echo mail.example.org >/etc/mailname
    printf '127.0.0.1 localhost mail.example.org mail example.org\\n' >/etc/hosts
    apt-get update -qq && apt-get install --yes --no-install-recommends /systemd/*.deb clamav-daemon ${packages} &&
    apt-get install --yes --no-install-recommends -o 'Dpkg::Options::=--path-exclude=/usr/share/doc/*' /onescan.deb && useradd -m you && { ${prepare}; } || exit 1
    # On trixie, clamd's unit also starts one that waits for the first signatures.
    systemctl mask clamav-freshclam clamav-freshclam-once; rm -f /var/lib/clamav/* /usr/sbin/policy-rc.d
    # The unit of clamd waits for signatures of ClamAV by their names.
    mkdir -p /etc/systemd/system/clamav-daemon.service.d /root
    printf '[Unit]\\nConditionPathExistsGlob=\\n' >/etc/systemd/system/clamav-daemon.service.d/any.conf`)
  if (prepared.code !== 0) throw new Error(prepared.output)
  writeFileSync(join(debian.path, 'var/lib/clamav/test.ndb'), `${signature}\n`)
  debian.run('chown -R clamav: /var/lib/clamav')
  const host = await boot(debian, { apart: true })
  t.teardown(() => host.stop())
  host.run(clamdOfReadme.join('\n'))
  await host.reboot()
  // With /tmp as on hardened hosts.
  const { output } = host.run(`mount -o remount,noexec /tmp
    for i in $(seq 300); do test -S /run/clamav/clamd.ctl && break; sleep 0.1; done; onescan check --daemon`)
  if (!/finds EICAR/.test(output)) throw new Error(output)
  return host
}
