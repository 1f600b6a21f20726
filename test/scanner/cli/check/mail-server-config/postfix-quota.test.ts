import t from 'tap'
import { checkQuotaDomains } from '../../../../../src/scanner/cli/check/mail-server-config/postfix-quota.ts'
import { udpService } from '../../../scan/quota/services.ts'

/** Check asks the service in QUOTAD about the domains of Postfix, whatever the name of the host is. */

const accounts = { passwd: 'ann:x:1000:1000::/home/ann:/bin/sh\n', group: '' }

t.test('a service must know accounts by the domains of Postfix', async (t) => {
  const check = async (known: readonly string[], mydestination: string, more = {}) => {
    const { port } = await udpService(t, (question) => {
      const [, name = '', , nonce] = question.split(' ')
      return `${known.includes(name) ? `QUOTA_OK ${name} 100 200` : `QUOTA_UNKNOWN ${name}`} ${nonce}`
    })
    const settings = { QUOTAD: `quotad:127.0.0.1:${port}`, ...more }
    const main = { myhostname: 'mx1.example.net', mydestination }
    return checkQuotaDomains({ main, accounts, settings })
  }
  const debian = 'mx1.example.net, example.org, localhost.example.org, , localhost'
  const byHost = ['ann', 'ann@mx1.example.net']
  t.match(await check(byHost, debian), [
    {
      level: 'warning',
      what: 'QUOTANAME',
      value:
        'the service knows ann and not ann@example.org, so no mailbox of example.org is treated as full',
      remedy: 'add example.org to QUOTADOMAINS of onescan-quotad, or set QUOTANAME=local',
    },
  ])
  t.same(await check(['ann', 'ann@example.org'], debian), [], 'QUOTADOMAINS has the mail domain')
  t.same(await check(byHost, debian, { QUOTANAME: 'local' }), [])
  t.same(await check(byHost, 'mx1.example.net, localhost'), [], 'mail for the host itself')
  t.match(await check(['ann'], 'mx1.example.net hash:/etc/postfix/local'), { length: 1 })
  t.match(await check(['ann', 'ann@example.org'], 'example.org, example.com'), [
    { value: /not ann@example\.com/ },
  ])
  t.same(await check([], debian), [], 'nothing is known about a stranger')
})

t.test('without QUOTAD nothing is asked', async (t) => {
  t.same(await checkQuotaDomains({ main: {}, accounts, settings: {} }), [])
})
