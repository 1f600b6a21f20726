import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'
import { lacks } from '../needs.mjs'
import { clamdMissing } from '../programs/servers/clamd.ts'
import { isWhole } from '../run/is-whole.ts'
import { until } from '../run/until.ts'
import { boot, bootMissing } from './booted-debian.ts'
import { packageOnce, packagingMissing, putPackages } from './built-package.ts'
import { makeDebian } from './debian.ts'
import { CLIENT, deliveredTo, putQmail } from './mail-here.ts'
import { copyPrograms, SET_UP_CLAMD } from './programs-there.ts'

/** What onescand sees of a host, by its unit: all that it needs, and no other file. */

const skip = packagingMissing || bootMissing || clamdMissing || lacks('smtp-sink')

const settings = `
QHPSI="plugin: clamd own.mjs"
PLUGINDIR="/etc/onescan/plugins"
CLUSTERKEYS="/etc/onescan/keys/ring"
QUARANTINE="/var/lib/onescan/quarantine"
ONESCAND_OPTIONS="--lmtp inet:127.0.0.1:10024 --next unix:/run/dovecot/lmtp --after-queue"
`
const plugin = `export const virusscan = () => ({ clean: true })`
const sink = `[Service]
RuntimeDirectory=dovecot
ExecStart=/usr/sbin/smtp-sink -L -u postfix -d /var/mail-here/new/%%s- unix:/run/dovecot/lmtp 10
[Install]
WantedBy=multi-user.target
`
const ELSEWHERE = '/etc/systemd/system/onescand.service.d/elsewhere.conf'

for (const release of isWhole ? ['bookworm', 'trixie'] : ['bookworm']) {
  t.test(`with the systemd of ${release}`, { skip }, async (t) => {
    const [debian, file] = await Promise.all([makeDebian(t, release), packageOnce('whole')])
    const at = (path: string) => join(debian.path, path)
    putPackages(debian, file)
    const postfix = ['smtp-sink', 'smtp-source'].map((name) => `/usr/sbin/${name}`)
    copyPrograms(debian.path, ['/usr/sbin/clamd', ...postfix])
    putQmail(at)
    const installed = debian.run(`set -e; apt-get install --yes /systemd/*.deb
      mkdir -p /var/qmail/control /etc/onescan/plugins /run/dovecot; useradd postfix
      useradd qmaild; chmod 4755 /var/qmail/bin/qmail-queue
      echo '${plugin}' >/etc/onescan/plugins/own.mjs
      ${SET_UP_CLAMD}
      echo '${sink}' >/etc/systemd/system/sink.service; systemctl enable sink.service
      dpkg -i /onescan.deb /onescan-quotad.deb
      onescan keygen >/etc/onescan/keys/ring; chmod 640 /etc/onescan/keys/ring
      usermod -aG onescan qmaild; chgrp onescan-keys /etc/onescan/keys/ring
      echo '${settings}' >>/etc/default/onescand`)
    t.equal(installed.code, 0, installed.output)
    const host = await boot(debian, { apart: true })
    t.teardown(() => host.stop())
    const there = (script: string) => {
      const { code, output } = host.run(script)
      t.equal(code, 0, `${script}\n${output}`)
      return output
    }
    /** The exit code of the slot's client for a message, and its output. It has too little memory to go standalone. */
    const send = (message: string) =>
      host.run(`setpriv --reuid=qmaild --regid=qmaild --init-groups env -i REJECTVIRUS=1 \
        QHPSI='plugin: clamd own.mjs' MAILDIR=/var/mail-here \
        prlimit --as=100000000 ${CLIENT} <${message} 1</envelope`)
    const checked = () => host.run('onescan check --daemon').output

    there('until test -S /run/clamav/clamd.ctl && test -S /run/dovecot/lmtp; do sleep 0.1; done')
    there('systemctl restart onescand')

    t.test('mail is scanned, delivered and kept in quarantine', async (t) => {
      t.equal(send('/clean.eml').code, 0)
      t.equal(deliveredTo(at), 1)
      t.match(
        there('cat /var/mail-here/new/*'),
        /^X-QHPSI: clean\n(.*\n)*.*Cluster/im,
        'and stamps',
      )
      t.equal(send('/eicar.eml').code, 31, 'by clamd')
      const found = checked()
      t.match(
        found,
        /^ok +onescand \d+: reports a clean message as clean, and finds EICAR; open: /m,
      )
      t.match(found, /^ok +next server unix:\/run\/dovecot\/lmtp \[onescand\]: greets/m)
      t.match(found, /^ok +keyring \[onescand\]: /m)
      t.notMatch(found, /^\w+ +paths/m)
      t.notMatch(found, /^error/m)
    })

    t.test('it keeps mail in quarantine, and root has it listed and released', async (t) => {
      there(`printf 'Subject: x\n\n' >/virus.eml; tail -1 /eicar.eml >>/virus.eml
        smtp-source -L -m 1 -F /virus.eml -f a@example.org -t b@example.org inet:127.0.0.1:10024`)
      const list = there('onescan quarantine list')
      const [id = ''] = /^\S*\d{6}\S*/m.exec(list) ?? []
      t.match(list, 'EICAR-Test')
      t.match(there(`onescan quarantine show ${id}`), 'b@example.org')
      there(
        `onescan quarantine release ${id} --no-stamp --by chain --env QUEUECHAIN='/usr/bin/env MAILDIR=/var/mail-here /var/qmail/bin/qmail-queue'`,
      )
      t.match(there('cat /var/mail-here/new/*'), 'EICAR-STANDARD')
    })

    t.test('it sees no other file and no other socket of the host', async (t) => {
      there(`umask 022; useradd --create-home ann
        for place in /root /home/ann /srv/www /var/lib/mysql /var/mail /var/backups /opt/other /etc/letsencrypt/live/mx \
          /var/log/mail /mnt/disk /var/qmail/queue /run/other; do
          mkdir -p $place && chmod 755 $place && echo SECRET >$place/secret
        done
        cp /etc/shadow /etc/secret; chmod 644 /etc/secret
        systemd-socket-activate -l /run/other/db.sock cat >/dev/null 2>&1 &
        until test -S /run/other/db.sock; do sleep 0.1; done; chmod 666 /run/other/db.sock`)
      /** With its rights, in its namespace: what a taken-over onescand could open. */
      const seen = (test: string) =>
        host
          .run(`pid=$(systemctl show --property MainPID --value onescand.service)
          nsenter --mount=/proc/$pid/ns/mnt --root=/proc/$pid/root \
            setpriv --reuid=onescan --regid=onescan --groups=$(id -G onescan | tr ' ' ,) \
            --inh-caps=-all --bounding-set=-all --no-new-privs \
            /usr/bin/find / '(' -path /usr -o -path /proc -o -path /sys -o -path /dev ')' -prune -o ${test} 2>/dev/null`)
          .output.split('\n')
          .filter((file) => file !== '' && !/^\/(s?bin|lib\w*)\//.test(file))
      // Newer systemd shows the host's os-release to every service with a root of its own.
      const files =
        /^\/(etc\/(passwd|group|hosts|resolv\.conf|nsswitch\.conf|localtime|clamav\/.*|onescan\/.*|ssl\/certs\/.*)|var\/lib\/(clamav|onescan)\/.*|run\/host\/.*os-release)$/
      const sockets =
        /^\/(run\/(clamav|var\/run\/clamav|dovecot|onescan|systemd)\/|var\/run\/clamav\/|var\/spool\/postfix\/onescan\/)/
      // Its /tmp and /run are in memory, and nobody else's.
      const look = (when: string) => {
        const opened = seen(
          `-xtype f -exec sh -c 'for file; do true <"$file" && echo "$file"; done' sh {} +`,
        )
        t.ok(opened.includes('/etc/onescan/keys/ring'), `${when}: its own`)
        t.same(
          opened.filter((file) => !files.test(file)),
          [],
          when,
        )
        t.same(
          seen('-type s -print').filter((file) => !sockets.test(file)),
          [],
          when,
        )
        const written = seen(`-type d -writable -print`).filter(
          (place) => !/^\/((var\/)?tmp(\/.*)?|run)$/.test(place),
        )
        const own = /^\/(var\/spool\/onescan|var\/lib\/onescan\/quarantine|run\/onescand)(\/|$)/
        t.same(
          written.filter((place) => !own.test(place)),
          [],
          `${when}: writes`,
        )
      }
      look('at first')
      there(`echo root:x | chpasswd; echo ann:y | chpasswd; useradd ben; gpasswd -a ben mail
        mv /etc/letsencrypt/live/mx/secret /etc/letsencrypt/live/mx/old; echo SECRET >/etc/letsencrypt/live/mx/secret`)
      look('after passwords, an account and a certificate were renewed')
      there('systemctl kill --signal HUP onescand; systemctl restart onescand')
      look('after a restart')
    })

    // promise: bad-onescand, bad-smtpd-or-quotad
    t.test('no service makes a socket of another family by io_uring', async (t) => {
      const source =
        '#include <errno.h>\n#include <unistd.h>\nint main(void) { return syscall(425, 8, (char[120]){0}) < 0 ? errno : 0; }'
      const probe = at('/usr/bin/io-uring')
      execFileSync('cc', ['-w', '-static', '-x', 'c', '-o', probe, '-'], { input: source })
      t.equal(host.run('/usr/bin/io-uring').code, 0, 'the kernel has it')
      for (const unit of ['onescand', 'onescan-quotad']) {
        const only = `[Service]\nType=oneshot\nExecStartPre=\nExecStart=\nExecStart=/usr/bin/io-uring\nRestart=no\nWatchdogSec=0\nRuntimeDirectory=\n`
        there(`cd /etc/systemd/system; cp /lib/systemd/system/${unit}.service probe.service
          mkdir -p probe.service.d; printf '${only}' >probe.service.d/only.conf; systemctl daemon-reload`)
        host.run('systemctl start probe')
        const status = there('systemctl show --property ExecMainStatus --value probe').trim()
        t.equal(status, '1', `${unit}: EPERM`)
      }
    })

    t.test('it starts however often it was started before', async (t) => {
      const often = 'for i in 1 2 3 4 5 6 7 8; do systemctl restart onescand || exit; done'
      there(often)
      t.equal(send('/clean.eml').code, 0)
    })

    t.test('a clamd whose directory was removed meanwhile is asked again', async () => {
      there('systemctl stop clamd')
      await until(() => send('/clean.eml').code !== 0, 'clamd is away')
      there(`ls -d /run/clamav || true; systemctl start clamd
        until test -S /run/clamav/clamd.ctl; do sleep 0.1; done`)
      await until(() => send('/eicar.eml').code === 31, `clamd is asked: ${checked()}`)
    })

    t.test('check names what is elsewhere, and its remedy has onescand see it', async (t) => {
      const place = '/data/quarantine'
      there(`install -d -m 700 -o onescan ${place}; mkdir /data/qmail
        sed -i 's|^QUARANTINE=.*|QUARANTINE="${place}"|' /etc/default/onescand
        echo 'QMAILHOME="/data/qmail"' >>/etc/default/onescand; systemctl restart onescand`)
      const found = checked()
      t.match(found, `QUARANTINE [onescand]: ${place} does not exist: infected mail is deferred`)
      const lines = [...found.matchAll(/systemctl edit onescand, add (\S+) below \[Service\]/g)]
      t.same(
        lines.map(([, line]) => line),
        ['BindReadOnlyPaths=/data/qmail', `BindPaths=${place}`],
      )
      there(`mkdir -p ${ELSEWHERE.replace(/\/[^/]*$/, '')}
        printf '%s\\n' '[Service]' ${lines.map(([, line]) => line).join(' ')} >${ELSEWHERE}
        systemctl daemon-reload; systemctl restart onescand`)
      t.notMatch(checked(), /paths \[onescand\]/)
      t.equal(send('/clean.eml').code, 0)
    })

    t.test('check names what was made after its start, and a restart ends that', async (t) => {
      const late = '/etc/indimail/control'
      const complaint = new RegExp(
        `does not see ${late}, which did not exist when onescand was started`,
      )
      t.notMatch(checked(), /does not see/)
      there(`mkdir -p ${late}`)
      const output = checked()
      t.match(output, complaint)
      t.match(output, /systemctl restart onescand/)
      there('systemctl restart onescand')
      t.notMatch(checked(), /does not see/)
    })
  })
}
