import { execFileSync } from 'node:child_process'
import { copyFileSync, cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { CheckLine } from '../../src/base/check/check-line.ts'
import { lacks } from '../needs.mjs'
import { debianMissing, makeDebian } from './debian.ts'

/** What npm users type once: packaging/shipped/setup, on a bare Debian. */

const root = join(import.meta.dirname, '../..')
const HOME = '/usr/local/lib/node_modules/onescan'
const setup = 'sh /usr/share/onescan/setup'

t.test(
  'npm users get what the Debian package sets up',
  { skip: debianMissing || lacks('setfacl') },
  async (t) => {
    const debian = await makeDebian(t)
    const at = (path: string) => join(debian.path, path)
    copyFileSync(process.execPath, at('usr/local/bin/node'))
    const packaging = [
      'defaults',
      'etc-default',
      'scripts/set-up.sh',
      'setup',
      'supervise',
      'systemd',
    ].map((name) => `packaging/shipped/${name}`)
    const installed = ['package.json', 'bin', 'dist']
    for (const part of [...installed, ...packaging]) {
      mkdirSync(join(at(HOME), part, '..'), { recursive: true })
      cpSync(join(root, part), join(at(HOME), part), { recursive: true })
    }
    symlinkSync(`${HOME}/packaging/shipped`, at('usr/share/onescan'))
    const run = (script: string) => debian.run(`export PATH=/usr/local/bin:$PATH\n${script}`)

    t.test('with --dry-run it does nothing, and prints what it would do', async (t) => {
      const { code, output } = run(
        `${setup} --dry-run; ls /etc/onescan /etc/default/onescand; id onescan`,
      )
      t.match(output, /^ {2}useradd --system .* onescan$/m)
      t.match(output, '  write /etc/onescand/run\n')
      t.match(output, "cannot access '/etc/onescan'")
      t.match(output, /id: .onescan.: no such user/)
      t.not(code, 0)
    })

    t.test(
      'it makes accounts, directories, settings, run script and link, and prints each',
      async (t) => {
        const { output } = run(`${setup} && id onescan &&
      stat -c '%U %G %a %n' /var/spool/onescan /etc/onescan/keys /etc/onescand/run && readlink -e /etc/onescan/queue`)
        t.match(output, /^uid=\d+\(onescan\) .*\(onescan-keys\)$/m)
        t.match(output, '\nonescan onescan 700 /var/spool/onescan\n')
        t.match(output, '\nroot onescan-keys 2750 /etc/onescan/keys\n')
        t.match(output, '\nroot root 755 /etc/onescand/run\n')
        t.match(output, new RegExp(`\\n${HOME}/bin/(?:\\w+/onescanc|onescan-queue)\\n$`))
      },
    )

    t.test('a second run changes nothing, and keeps the settings', async (t) => {
      const { code, output } = run(`echo 'QHPSI="plugin: eicar"' >>/etc/default/onescand
      find / -xdev -newer /etc/default/onescand -type f >/tmp/before
      ${setup}; tail -1 /etc/default/onescand; find /etc /var/spool -newer /etc/default/onescand -type f`)
      t.equal(code, 0, output)
      t.notMatch(output, /^ {2}(?:write|useradd|groupadd|install|ln -s \/usr)/m)
      t.match(output, '\nQHPSI="plugin: eicar"\n')
    })

    t.test('the run script starts onescand as its user, and check finds it', async (t) => {
      const { output } = run(`mkdir -p /service && sh /etc/onescand/run >/tmp/log 2>&1 &
      for i in $(seq 200); do test -S /run/onescan/qmail.sock && break; sleep 0.1; done
      node ${HOME}/bin/onescan check --daemon; node ${HOME}/bin/onescan check; cat /tmp/log`)
      t.match(
        output,
        /^ok +onescand \d+: has been running since .*, account onescan, command onescand --socket /m,
      )
      t.notMatch(output, /^error +check/m, 'by npm, too, it asks onescand --check')
    })

    t.test('an account that was deleted is named, and the remedy creates it', async (t) => {
      const accounts = () => {
        const { output } = run(`node ${HOME}/bin/onescan check --json 2>/dev/null`)
        const { results } = JSON.parse(output) as { results: CheckLine[] }
        return results.filter(({ what }) => what.startsWith('account '))
      }
      t.same(accounts(), [])
      for (const [before, command] of [
        ['true', /^systemd-sysusers /],
        ['mv /usr/bin/systemd-sysusers /tmp', /^sh \S+\/setup$/],
      ] as const) {
        run(`${before}; userdel onescan-check`)
        const [account] = accounts()
        t.match(account, { level: 'warning', what: 'account onescan-check', remedy: command })
        const { code, output } = run(`${account?.remedy} && id onescan-check`)
        t.equal(code, 0, output)
      }
      run('mv /tmp/systemd-sysusers /usr/bin; userdel onescan; userdel onescan-check')
      t.same(accounts(), [], 'before setup there are none')
      run(setup)
    })

    t.test("root runs nothing of the directory of Node, which may be another user's", async (t) => {
      const { output } = run(`mkdir /opt/theirs; cp /usr/local/bin/node /opt/theirs/
      PATH=/opt/theirs:$PATH; ${setup} >/dev/null
      for name in getent id install ln setpriv; do
        printf '#!/bin/sh\necho "ran as $(/usr/bin/id -u)"\n' >/opt/theirs/$name; chmod 755 /opt/theirs/$name
      done
      chown -R nobody /opt/theirs; grep -c /opt/theirs /etc/onescand/run; timeout 5 /etc/onescand/run
      PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin; rm -r /opt/theirs; ${setup} >/dev/null`)
      t.match(output, /^1$/m, 'onescand finds Node there')
      t.notMatch(output, 'ran as 0')
    })

    t.test('under systemd a unit that differs is reloaded, and onescand restarted', async (t) => {
      const script = '#!/bin/sh\necho "called $*"\n'
      writeFileSync(at('usr/local/bin/systemctl'), script, { mode: 0o755 })
      const { output } = run(`mkdir -p /run/systemd/system; ${setup}`)
      t.match(output, '\ncalled daemon-reload\n')
      t.match(output, '\ncalled restart onescand.service\n')
      t.match(
        run('cat /etc/systemd/system/onescand.service').output,
        `ExecStart=${HOME}/bin/onescand`,
      )
      t.match(output, /^called enable --quiet onescand\.socket .* onescand\.service$/m)
      t.notMatch(
        output,
        /^called enable .*onescan-http/m,
        'the page is for the administrator to enable',
      )
      t.match(run('cat /etc/systemd/system/onescan-http.socket').output, 'Service=onescand.service')
      t.notMatch(run(setup).output, /^called (?:daemon-reload|restart)/m, 'nothing differs')
      const next = run(
        `sed -i 's/^LimitNOFILE=.*/LimitNOFILE=9/' ${HOME}/packaging/shipped/systemd/onescand.service; ${setup}`,
      )
      t.match(next.output, '\n    -LimitNOFILE=16384\n    +LimitNOFILE=9\n')
      t.match(next.output, '\ncalled daemon-reload\n')
      t.match(next.output, '\ncalled restart onescand.service\n')
    })

    t.test('lines of the administrator stay, and are shown', async (t) => {
      for (const file of [
        '/etc/systemd/system/onescand.service',
        '/etc/systemd/system/onescand.socket',
      ]) {
        const { code, output } =
          run(`cp -a ${file} /tmp/before; echo '# mine' >>${file}; cp ${file} /tmp/edited
        ${setup}; code=$?; cmp ${file} /tmp/edited; mv /tmp/before ${file}; exit $code`)
        t.equal(code, 1)
        t.match(output, '\n+# mine\n')
        t.match(output, `setup: ${file}: has local changes`)
        t.notMatch(output, /^called/m, 'nothing was done')
        t.notMatch(output, 'differ')
      }
      t.notMatch(run(setup).output, /^ {2}write/m)
    })

    t.test('it names what keeps it from working, and changes nothing', async (t) => {
      t.match(run(`PATH=/usr/bin:/bin; ${setup}`), {
        code: 1,
        output: 'setup: node is not in PATH',
      })
      t.match(run(`${setup} --wet`), {
        code: 100,
        output: /the options are --dry-run and --remove/,
      })
      const unit = '/etc/systemd/system/onescand.service'
      const torn =
        run(`mv ${HOME}/packaging/shipped/systemd/onescand.service /tmp/; cp ${unit} /tmp/before
      ${setup}; echo "exit $?"; cmp ${unit} /tmp/before; mv /tmp/onescand.service ${HOME}/packaging/shipped/systemd/`)
      t.match(torn.output, `setup: ${unit}: its new content is empty`)
      t.match(torn.output, '\nexit 1\n', 'the unit stays as it was')
      t.notMatch(torn.output, /differ/)
      const old = run(`mkdir /opt/old && printf '#!/bin/sh\\necho v20.9.1\\n' >/opt/old/node
      chmod 755 /opt/old/node; PATH=/opt/old:$PATH; ${setup}`)
      t.match(old, { code: 1, output: '/opt/old/node is v20.9.1, onescan needs v22.15 or later' })
      for (const [make, place] of [
        ['cp /usr/local/bin/node', '/root/node'],
        ['ln -s /usr/local/bin/node', '/root/linked'],
        ['cp /usr/local/bin/node', '/var/tmp/node'],
      ] as const) {
        const moved = run(`mkdir ${place} && ${make} ${place}/node
        PATH=${place}:/usr/sbin:/usr/bin:/sbin:/bin; ${setup}; echo "exit $?"; rm -r ${place}`)
        t.match(moved.output, `setup: ${place}/node: services cannot access this directory`)
        t.match(moved.output, '\nexit 1\n')
      }
      const person = run(`cp /etc/passwd /tmp/passwd; usermod --uid 5000 --shell /bin/sh onescan-log
      ${setup}; echo "exit $?"; cp /tmp/passwd /etc/passwd`)
      t.match(person.output, 'onescan: the account onescan-log already exists with the login shell')
      t.match(person.output, '\nexit 1\n')
    })

    t.test('it runs nothing that another user may have written', async (t) => {
      const node = '/opt/theirs/bin/node'
      const acl = (rights: string, place: string) => () =>
        execFileSync('setfacl', ['-m', rights, at(place)])
      const cases: readonly (readonly [give: string | (() => void), by: string, undo?: string])[] =
        [
          [`chown nobody ${node}`, `${node}: nobody can write to it`],
          ['chown nobody /opt/theirs', '/opt/theirs: nobody can write to it'],
          [
            'chgrp mail /opt/theirs/bin; chmod g+w /opt/theirs/bin',
            '/opt/theirs/bin: group mail can',
          ],
          ['chmod o+w /opt/theirs', '/opt/theirs: everybody can write to it'],
          [
            'ln -s /opt/theirs /opt/link; chown -h nobody /opt/link',
            '/opt/link: nobody can write to it',
          ],
          [
            'mkdir /opt/link; ln -s ../theirs/bin /opt/link/bin; chown nobody /opt/theirs',
            '/opt/link/../theirs: nobody can write to it',
          ],
          [acl('u:nobody:rwx', '/opt/theirs/bin'), '/opt/theirs/bin: an ACL can write to it'],
          [acl('u:nobody:rw', node), `${node}: an ACL can write to it`],
          ...[
            'packaging/shipped/systemd/sysusers.conf',
            'packaging/shipped/systemd/onescand.service',
            'packaging/shipped/setup',
            'bin/onescand',
            'dist',
          ].flatMap((name) => {
            const file = `${HOME}/${name}`
            const shown = name === 'packaging/shipped/setup' ? '/usr/share/onescan/setup' : file
            return [
              [`chown nobody ${file}`, `${shown}: nobody can write to it`, `chown root ${file}`],
              [acl('u:nobody:rwx', file), `${shown}: an ACL can write to it`],
            ] as const
          }),
          [acl('g:mail:rwx', '/usr/local/lib'), '/usr/local/lib: an ACL can write to it'],
          [
            'chown nobody /etc/onescan',
            '/etc/onescan: nobody can write',
            'chown root /etc/onescan',
          ],
          [
            'chown nobody /var/lib/onescan',
            '/var/lib/onescan: nobody can write',
            'chown root /var/lib/onescan',
          ],
        ]
      for (const [give, by, undo = ':'] of cases) {
        run(`mkdir -p /opt/theirs/bin
        printf '#!/bin/sh\\necho ran >>/tmp/ran\\n' >${node}; chmod 755 ${node}
        ${typeof give === 'string' ? give : ':'}`)
        if (typeof give !== 'string') give()
        const { output } = run(`find /etc /var/lib >/tmp/files; cp -a /etc/passwd /tmp/
        PATH=$(test -e /opt/link && echo /opt/link || echo /opt/theirs)/bin:$PATH; ${setup}
        echo "exit $?"; find /etc /var/lib | diff /tmp/files -; cat /tmp/ran
        rm -rf /opt/theirs /opt/link; ${undo}`)
        execFileSync('setfacl', ['-R', '-b', at(HOME), at('usr/local/lib')])
        t.match(output, `setup: ${by}`)
        t.match(output, /\nexit 1\n(cat: [^\n]*\n)?$/, `${by}: nothing was run or made`)
      }
      t.equal(run(setup).code, 0, 'all was given back')
    })

    t.test(
      'the commands on the page remove units and package, and keep settings and drop-ins',
      async (t) => {
        const page = readFileSync(join(root, 'doc/install.md'), 'utf8')
        const [, commands = ''] = /\nTo remove it, .*?```sh\n(.*?)```/s.exec(page) ?? []
        writeFileSync(at('usr/local/bin/npm'), '#!/bin/sh\necho "npm $*"\n', { mode: 0o755 })
        const { code, output } = run(`set -e
      mkdir -p /etc/systemd/system/onescand.service.d /var/qmail/bin; ln -sf /bin/true /var/qmail/bin/qmail-queue
      ${commands}
      find /etc/systemd/system -name 'onescan*'; readlink /etc/onescan/queue; ls /etc/default/onescand`)
        t.equal(code, 0, output)
        t.match(
          output,
          /^called disable --now onescan-clamd\.socket onescan-http\.socket .* onescand\.service$/m,
        )
        t.match(
          output,
          /^called daemon-reload\n {2}rm \/usr\/share\/onescan\nleft: .*\/etc\/onescan, .*accounts of onescan\nnext, run: npm uninstall -g onescan\nnpm uninstall -g onescan\n\/etc\/systemd\/system\/onescand\.service\.d\n\/var\/qmail\S+\n\/etc\/default\/onescand\n$/m,
        )
      },
    )
  },
)
