import { copyFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { EICAR } from '../../src/scan/scanners/shared/eicar.ts'
import { codeBlocks, typed } from '../documents/code-blocks.ts'
import { findProgram } from '../programs/install.mjs'
import { boot, bootMissing } from './booted-debian.ts'
import { packageOnce, packagingMissing } from './built-package.ts'
import { makeDebian } from './debian.ts'

/** What README, doc and man pages say to type, typed to the letter on a host with Postfix and clamd. */

const skip =
  packagingMissing || bootMissing || (!findProgram('ip') && 'install Debian package iproute2')

const PACKAGES = 'clamav-daemon postfix ucspi-tcp curl procps'

/** Signatures: one, for the test file, since freshclam has nobody to ask here. */
const signature = `EICAR-Test:0:*:${Buffer.from(EICAR).toString('hex')}`

t.test('the pages, typed on an installed host', { skip }, async (t) => {
  const [debian, file] = await Promise.all([makeDebian(t), packageOnce('whole')])
  copyFileSync(file, join(debian.path, 'onescan.deb'))
  copyFileSync('/etc/resolv.conf', join(debian.path, 'etc/resolv.conf'))
  const prepared = debian.run(`
    printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d; chmod 755 /usr/sbin/policy-rc.d
    echo mail.example.org >/etc/hostname; echo mail.example.org >/etc/mailname
    printf '127.0.0.1 localhost mail.example.org mail\\n' >/etc/hosts
    apt-get update -qq && apt-get install --yes --no-install-recommends /systemd/*.deb ${PACKAGES} &&
    apt-get install --yes --no-install-recommends /onescan.deb && useradd -m you &&
    postconf -e myhostname=mail.example.org mydestination=example.org,localhost inet_protocols=ipv4 &&
    systemctl enable postfix clamav-daemon; systemctl disable clamav-freshclam; rm -f /var/lib/clamav/*
    echo 'AlertExceedsMax yes' >>/etc/clamav/clamd.conf; touch /var/lib/clamav/main.cvd; rm /usr/sbin/policy-rc.d`)
  t.equal(prepared.code, 0, prepared.output)
  writeFileSync(join(debian.path, 'var/lib/clamav/test.ndb'), `${signature}\n`)
  debian.run('rm /var/lib/clamav/main.cvd; chown -R clamav: /var/lib/clamav')
  const host = await boot(debian, { apart: true })
  t.teardown(() => host.stop())
  // clamd's unit waits for signatures of ClamAV by their names.
  const started = host.run(`mkdir -p /etc/systemd/system/clamav-daemon.service.d /root
    printf '[Unit]\\nConditionPathExistsGlob=\\n' >/etc/systemd/system/clamav-daemon.service.d/any.conf
    systemctl daemon-reload; systemctl restart clamav-daemon; systemctl restart onescand postfix
    for i in $(seq 300); do test -S /run/clamav/clamd.ctl && break; sleep 0.1; done; onescan check --daemon`)
  t.match(started.output, /finds EICAR/)
  const type = (script: string) =>
    host.run(`exec </dev/null; export HOME=/root; cd /root; ${script}`)
  const blocks = codeBlocks()
  for (const { page, begins, before = ':', own = {}, code = 0, prints, shows } of typed) {
    await t.test(`${page}: ${begins.split('\n')[0]}`, async (t) => {
      const found = blocks.find((block) => block.page === page && block.text.startsWith(begins))
      let text = found!.text
      for (const [name, value] of Object.entries(own)) {
        text = text.replaceAll(new RegExp(`\\b${name}\\b`, 'g'), value)
      }
      type(before)
      const said = type(text)
      t.ok(said.code! <= code, `${text}${said.code}: ${said.output}`)
      if (prints) t.match(said.output, prints)
      if (shows) t.match(type(shows[0]).output, shows[1])
    })
  }
})
