import { existsSync } from 'node:fs'
import t from 'tap'
import { type Postfix, SmtpdService } from '../../../../src/cli/check/by-rule/postconf.ts'
import { unreachable } from '../../../../src/cli/check/by-rule/reach.ts'

/** What keeps Postfix from the milter, where no file of a test can show it. */

const service = new SmtpdService('smtp/inet', true, {}, {})
const milterAt = (text: string) => ({ text, written: text, options: {} })
const milter = milterAt('unix:onescan/milter.sock')
const host = (places: Partial<Postfix['places']>): Postfix => ({
  directory: '',
  queue: '/var/spool/postfix',
  accounts: { passwd: '', group: '' },
  scanTime: 150,
  makesStamps: false,
  ...{ main: {}, services: [service], transports: new Map(), set: new Map() },
  places: { milters: [], smtp: [], next: [], isRunning: true, hasSystemd: true, ...places },
})

t.test(
  'a socket unit that is masked or disabled is enabled',
  { skip: existsSync('/var/spool/postfix/onescan/milter.sock') && 'this host has the socket' },
  async (t) => {
    const found = unreachable(service, milter, host({}))
    t.match(found, {
      level: 'error',
      value: /^\/var\/spool\/postfix\/onescan\/milter\.sock is not there: Postfix defers all mail$/,
      remedy:
        'systemctl unmask onescan-postfix.socket && systemctl enable onescan-postfix.socket && systemctl restart onescand',
    })
    t.match(unreachable(service, milter, host({ hasSystemd: false, isRunning: false })), {
      remedy: /^onescand does not run: /,
    })
  },
)

t.test('a port at which onescand should listen, and which it does not run for', async (t) => {
  const text = 'inet:127.0.0.1:8890'
  const named = milterAt(text)
  t.match(unreachable(service, named, host({ milters: [text], isRunning: false })), {
    level: 'error',
    value: 'nobody listens there: Postfix defers all mail',
  })
  t.equal(unreachable(service, named, host({ milters: [text] })), undefined)
})
