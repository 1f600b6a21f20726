import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import {
  type Postfix,
  SmtpdService,
} from '../../../../../src/scanner/cli/check/mail-server-config/postconf.ts'
import { unreachable } from '../../../../../src/scanner/cli/check/mail-server-config/unreachable-milter.ts'
import { doorBy } from '../../../../../src/scanner/options/door-address.ts'
import { freePort } from '../../../../programs/host/free-port.ts'
import { listen } from '../../../../programs/host/listen.ts'
import { openDirectory } from '../../../../programs/host/reachable.ts'

/** What keeps Postfix from the milter, where no file of a test can show it. */

const service = new SmtpdService('smtp/inet', true, {}, {})
const milterAt = (text: string) => ({ text, written: text, options: {} })
const milter = milterAt('unix:onescan/milter.sock')
const host = (endpoints: Partial<Postfix['endpoints']>): Postfix => ({
  directory: '',
  queue: '/var/spool/postfix',
  accounts: { passwd: '', group: '' },
  scanSeconds: 150,
  makesStamps: false,
  settings: {},
  lost: new Map(),
  ...{ main: {}, written: {}, services: [service], programs: new Map(), set: new Map() },
  endpoints: { milters: [], smtp: [], clamd: [], isRunning: true, ...endpoints },
})

t.test(
  'the socket of an onescand that does not run',
  { skip: existsSync('/run/systemd/system') && 'systemd runs here' },
  async (t) => {
    t.match(unreachable(service, milter, host({ isRunning: false })), {
      level: 'error',
      value:
        /^\/var\/spool\/postfix\/onescan\/milter\.sock does not exist: Postfix defers all mail$/,
      remedy: /^start onescand as /,
    })
  },
)

t.test('a queue directory that the units of the package do not list', async (t) => {
  const main = { smtpd_milters: milter.text, non_smtpd_milters: milter.text }
  const moved = { ...host({}), queue: '/srv/spool', main }
  const service = new SmtpdService('smtp/inet', true, {}, main)
  t.match(unreachable(service, milter, moved), {
    level: 'error',
    value:
      '/srv/spool is queue_directory, and onescand listens in /var/spool/postfix: Postfix defers all mail',
    remedy:
      /ListenStream=127\.0\.0\.1:8890.* && postconf -e 'smtpd_milters = inet:127\.0\.0\.1:8890' 'non_smtpd_milters = inet:127\.0\.0\.1:8890' && postfix reload$/,
  })
  const own = [doorBy('milter')('unix:/srv/spool/onescan/milter.sock', '')]
  const listens = { ...host({ milters: own }), queue: '/srv/spool' }
  t.match(unreachable(service, milter, listens), { value: /milter\.sock does not exist/ })
  const other = milterAt('unix:other/milter.sock')
  t.match(unreachable(service, other, moved), { value: /other\/milter\.sock does not exist/ })
})

t.test('a port of onescand, which does not run, and at which nothing listens', async (t) => {
  const text = `inet:127.0.0.1:${await freePort()}`
  t.match(
    unreachable(
      service,
      milterAt(text),
      host({ milters: [doorBy('milter')(text, '')], isRunning: false }),
    ),
    {
      level: 'error',
      value: 'nothing listens there: Postfix defers all mail',
      remedy: /^start onescand as /,
    },
  )
  t.match(unreachable(service, milterAt(text), host({ milters: [doorBy('milter')(text, '')] })), {
    level: 'error',
    value: 'nothing listens there: Postfix defers all mail',
  })
})

t.test('the remedy for a path outside the chroot keeps the options of the milter', async (t) => {
  const queue = openDirectory(t)
  const path = join(queue, 'onescan/milter.sock')
  mkdirSync(join(queue, 'onescan'))
  writeFileSync(path, '')
  const written = `{ unix:${path}, default_action=tempfail }`
  const chrooted = new SmtpdService(
    'smtp/inet',
    true,
    {},
    { smtpd_milters: `inet:other:9, ${written}` },
  )
  const milter = { ...milterAt(`unix:${path}`), written, options: { default_action: 'tempfail' } }
  t.match(unreachable(chrooted, milter, { ...host({}), queue }), {
    level: 'error',
    remedy:
      /^postconf -e 'smtpd_milters = inet:other:9, \{ unix:onescan\/milter\.sock, default_action=tempfail \}'/,
  })
})

t.test('a port with a listening process has no findings', async (t) => {
  const port = await listen(t, createServer())
  const text = `inet:127.0.0.1:${port}`
  t.equal(
    unreachable(service, milterAt(text), host({ milters: [doorBy('milter')(text, '')] })),
    undefined,
  )
})
