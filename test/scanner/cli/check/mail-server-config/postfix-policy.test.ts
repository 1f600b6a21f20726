import t from 'tap'
import { inOneLine } from '../../../../../src/base/check/check-line.ts'
import {
  type Postfix,
  SmtpdService,
} from '../../../../../src/scanner/cli/check/mail-server-config/postconf.ts'
import { checkRefusesOthers } from '../../../../../src/scanner/cli/check/mail-server-config/postfix-policy.ts'

const LIST = 'smtpd_client_restrictions'
const found = (value: string, more: Readonly<Record<string, string>> = {}) => {
  const main = {
    inet_interfaces: 'all',
    mynetworks: '127.0.0.0/8 [::1]/128',
    [LIST]: value,
    ...more,
  }
  const service = new SmtpdService('smtp/inet', true, {}, main)
  return checkRefusesOthers(service, { main } as unknown as Postfix).map(inOneLine)
}

t.test('a bare reject after permit_mynetworks refuses the mail of all other hosts', async (t) => {
  for (const [value, changed] of [
    ['permit_mynetworks, reject', 'permit_mynetworks, reject_unauth_destination'],
    ['permit_mynetworks defer', 'permit_mynetworks, reject_unauth_destination'],
    [
      'permit_mynetworks, permit_sasl_authenticated, reject',
      'permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination',
    ],
  ] as const) {
    t.same(found(value), [
      `${LIST}: is ${value}: mail of all other hosts is refused, although test mail of this host is accepted; postconf -e '${LIST} = ${changed}' && postfix reload`,
    ])
  }
})

t.test(
  'restrictions that let others in, and hosts that serve a network or none, have no finding',
  async (t) => {
    for (const value of [
      '',
      'permit_mynetworks, reject_unauth_destination',
      'permit_mynetworks, check_client_access cidr:/c, reject',
      'permit_mynetworks, permit_auth_destination, reject',
      'permit_mynetworks, permit, reject',
      'permit_mynetworks, warn_if_reject reject',
      'permit_sasl_authenticated, reject',
    ])
      t.same(found(value), [], value)
    const closed = 'permit_mynetworks, reject'
    t.same(found(closed, { mynetworks: '127.0.0.0/8, 10.0.0.0/8' }), [], 'a relay of a network')
    t.same(found(closed, { inet_interfaces: 'loopback-only' }), [])
    t.same(found(closed, { inet_interfaces: '127.0.0.1, [::1]' }), [])
    const login = { smtpd_sasl_auth_enable: 'yes' }
    t.same(found('permit_mynetworks, permit_sasl_authenticated, reject', login), [])
  },
)
