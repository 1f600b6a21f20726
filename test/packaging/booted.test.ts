import t from 'tap'
import { isWhole } from '../run/is-whole.ts'
import { until } from '../run/until.ts'
import { boot, bootMissing } from './booted-debian.ts'
import { packageOnce, packagingMissing, putPackages } from './built-package.ts'
import { makeDebian } from './debian.ts'

/** The units under a systemd that runs as the first process. */

const skip = packagingMissing || bootMissing

for (const release of isWhole ? ['bookworm', 'trixie'] : ['bookworm']) {
  t.test(`with the systemd of ${release}`, { skip }, async (t) => {
    const [debian, file] = await Promise.all([makeDebian(t, release), packageOnce('whole')])
    putPackages(debian, file)
    const installed = debian.run(`apt-get install --yes /systemd/*.deb &&
      dpkg -i /onescan.deb /onescan-quotad.deb && groupadd postfix && mkdir /var/spool/postfix`)
    t.equal(installed.code, 0, installed.output)
    const host = await boot(debian)
    t.teardown(() => host.stop())
    const there = (script: string) => {
      const { code, output } = host.run(script)
      t.equal(code, 0, `${script}\n${output}`)
      return output
    }

    t.test('onescand runs, and answers on a socket of root', async (t) => {
      t.match(there('systemctl is-active onescand.service onescand.socket'), 'active\nactive\n')
      t.match(there('stat -c "%U:%G %a" /run/onescan/qmail.sock'), 'root:onescan 660\n')
      t.match(
        there('onescan check --daemon; true'),
        /^ok +onescand \d+: has been running since .*, account onescan,/m,
      )
    })

    t.test(
      'without the runtime, its removal and the services report what is missing',
      async (t) => {
        const removed = there('dpkg --force-depends -r onescan-runtime 2>&1')
        t.match(
          removed,
          /^warning: these do not start without onescan-runtime, .*: onescan onescand /m,
        )
        const { code } = host.run('systemctl restart onescand')
        t.not(code, 0)
        const remedy =
          /^error: \/usr\/sbin\/onescand cannot be executed: reinstall onescan-runtime$/m
        await until(() => remedy.test(there('journalctl -u onescand -o cat -n 50')), 'the line')
        there('dpkg -i /onescan-runtime.deb; systemctl restart onescand')
      },
    )

    const sockets =
      'onescand.socket onescan-milter.socket onescan-postfix.socket onescan-policy.socket'
    const secrets = "stat -c '%n %U:%G %a' /etc/shadow; md5sum /etc/shadow"

    t.test(
      'a directory of sockets that was given to the account belongs to root first',
      async (t) => {
        const before = there(secrets)
        there(`systemctl stop onescand.service ${sockets}
        for place in /run/onescan /var/spool/postfix/onescan; do
          rm -rf $place; install -d -o onescan -g onescan $place
          setpriv --reuid onescan --regid onescan --clear-groups sh -c '
            for name in qmail milter policy; do ln -s /etc/shadow '$place'/$name.sock; done'
        done
        rm /run/onescan/policy.sock /var/spool/postfix/onescan/qmail.sock
        systemctl start ${sockets} onescand.service; true`)
        t.equal(there(secrets), before)
        t.equal(
          there('stat -c "%U:%G %a" /run/onescan /var/spool/postfix/onescan'),
          'root:root 755\nroot:root 755\n',
        )
        t.match(
          there('stat -c "%F" /run/onescan/qmail.sock /var/spool/postfix/onescan/*.sock'),
          /^(socket\n){3}$/,
        )
      },
    )

    t.test('its account has no home, and HOME leads nowhere', async (t) => {
      const homes = there(
        'getent passwd onescan onescan-quotad onescan-log onescan-check | cut -d: -f6',
      )
      t.equal(homes, '/nonexistent\n'.repeat(4))
      const pid = '$(systemctl show --property MainPID --value onescand.service)'
      t.match(there(`tr '\\0' '\\n' </proc/${pid}/environ`), /^HOME=\/nonexistent$/m)
    })

    // promise: bad-smtpd-or-quotad
    t.test('onescan-quotad can open mailboxes and users, and no secret of the host', async (t) => {
      there(`useradd --create-home ann && umask 077
        for place in /root /etc/ssl/private /etc/letsencrypt/live/mx /var/qmail/control /var/backups \
          /etc/onescan/keys /srv/www /var/lib/mysql; do
          mkdir -p $place && echo SECRET >$place/secret
        done
        for file in shadow- gshadow-; do cp /etc/shadow /etc/$file; done
        mkdir -p /home/ann/Maildir/new /home/ann/Maildir/cur && echo x >/home/ann/Maildir/new/1.x
        printf '1000S\\n4 1\\n' >/home/ann/Maildir/maildirsize
        chown -R ann: /home/ann && chmod 700 /home/ann
        systemctl enable --now onescan-quotad.socket onescan-quotad.service`)
      const pid = '$(systemctl show --property MainPID --value onescan-quotad.service)'
      const opened = () => {
        // With the rights of the service, in its namespace: what it could open if it was taken over.
        const files = there(`nsenter --mount=/proc/${pid}/ns/mnt --root=/proc/${pid}/root \
          setpriv --reuid=$(id -u onescan-quotad) --regid=$(id -g onescan-quotad) --clear-groups \
            --inh-caps=-all,+dac_read_search --ambient-caps=-all,+dac_read_search \
          /usr/bin/find / '(' -path /usr -o -path /proc -o -path /sys -o -path /dev ')' -prune -o \
            -xtype f -exec sh -c 'for file; do true <"$file" && echo "$file"; done' sh {} + 2>/dev/null`)
        return files.split('\n').filter((file) => file !== '' && !/^\/(s?bin|lib\w*)\//.test(file))
      }
      // Newer systemd shows the host's os-release to every service with a root of its own.
      const known =
        /^\/(etc\/(passwd|group|hosts|resolv\.conf|nsswitch\.conf|localtime)|home\/(ann|ben)\/.*|run\/host\/.*os-release)$/
      const look = (when: string) => {
        const files = opened()
        t.ok(files.includes('/home/ann/Maildir/new/1.x'), `${when}: mailboxes of others`)
        t.same(
          files.filter((file) => !known.test(file)),
          [],
          when,
        )
      }
      look('at first')
      there(`echo ann:x | chpasswd; echo root:x | chpasswd; echo ann:y | chpasswd
        useradd --create-home ben; gpasswd -a ben mail
        mv /etc/letsencrypt/live/mx/secret /etc/letsencrypt/live/mx/old; echo SECRET >/etc/letsencrypt/live/mx/secret`)
      const asked = (user: string) =>
        host.run(`onescan quota ${user} --env QUOTAD=quotad:127.0.0.1:8625`).output
      // It ends when it sees that the list of users is another one, and systemd starts it again.
      await until(() => /space|no quota|limit/.test(asked('ben')), `ben is known: ${asked('ben')}`)
      look('after passwords, an account and a certificate were renewed')
      t.match(asked('nobody-such'), /no such user/)
      t.match(asked('ann'), /4/)
      const found = host.run('onescan check --daemon; onescan check').output
      t.match(found, /^reported by the account onescan-quotad:\nok +settings \[onescan-quotad\]/m)
      there('echo dan:x:2000:2000::/data/dan:/bin/sh >>/etc/passwd')
      t.match(
        host.run('onescan check').output,
        /mailboxes \[onescan-quotad\]: \/data: does not exist.*\n.*BindReadOnlyPaths=\/data/,
      )
    })

    t.test('no link of its account leads systemd to a file of root', async (t) => {
      const before = there(secrets)
      // The run script makes the same directories; a host may have had it before.
      there(`systemctl stop onescand.service 'onescan*.socket' onescand.socket
        sed 's|^onescand=.*|onescand=true|' /usr/share/onescan/supervise/onescand/run | sh`)
      const planted = there(`setpriv --reuid onescan --regid onescan --init-groups sh -c '
        for place in /run/onescan /run/onescand /var/spool/postfix/onescan /var/spool/postfix/onescand; do
          for name in qmail milter policy; do
            rm -f $place/$name.sock; ln -s /etc/shadow $place/$name.sock
          done
          mv $place $place.old; ln -s /etc $place
        done'; ls -lR /run/onescan /run/onescand /var/spool/postfix`)
      t.match(planted, /qmail\.sock -> \/etc\/shadow/, 'in a directory of its own it may')
      there(`systemctl start onescan-postfix.socket onescan-policy.socket onescan-milter.socket onescand.socket
        systemctl start onescand.service; true`)
      t.equal(there(secrets), before)
      t.match(
        there('stat -c "%F %U %n" /run/onescan/qmail.sock /var/spool/postfix/onescan/*.sock'),
        /^(socket root \S+\n){3}$/,
      )
    })
  })
}
