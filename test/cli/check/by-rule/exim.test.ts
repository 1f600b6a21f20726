import t from 'tap'
import { judgeRouters, readRouters } from '../../../../src/cli/check/by-rule/exim.ts'
import { linesOf } from '../machine.ts'

/** What `onescan check` says of the routers of Exim, as its program prints them. */

const router = (name: string, route: string) =>
  `\n${name} router:\naddress_data = \ncondition = \${if eq{$acl_m_onescan}{yes}}\nroute_data = \nroute_list = ${route}\nno_unseen\n`
const asThePage = [
  router('onescan_before_queue', '* 127.0.0.1::10025 byname'),
  router('onescan_after_queue', '* 127.0.0.1::10027 byname'),
  router('hubbed_hosts', ''),
  router('smarthost', '* mx.example.org::587 byname'),
].join('')
const smtp = ['inet:127.0.0.1:10025', 'inet:0.0.0.0:10027']

const told = (printed: string, ports: readonly number[], ours: readonly string[] = smtp) =>
  linesOf(
    judgeRouters(
      readRouters(printed),
      { milters: [], smtp: ours, next: [], clamd: [], isRunning: true },
      (port) => ports.includes(port),
    ),
  )

t.test('routers as the page has them hand mail to onescand', async (t) => {
  t.same(told(asThePage, [10025, 10027]), [
    'ok router onescan_before_queue of Exim: hands mail to onescand at port 10025',
    'ok router onescan_after_queue of Exim: hands mail to onescand at port 10027',
  ])
})

t.test('a port at which nobody listens is named, with the router', async (t) => {
  const wrong = asThePage.replace('10027', '10037')
  t.match(told(wrong, [10025, 10027]), [
    /^ok /,
    /^error router onescan_after_queue of Exim: hands mail to port 10037 of 127.0.0.1, where nobody listens: Exim defers it; .* name an address of its --smtp \(inet:127.0.0.1:10025, inet:0.0.0.0:10027\)/,
  ])
  t.match(told(asThePage, [10025])[1], /^error .*port 10027 .*; start onescand/)
})

t.test('without a router to onescand, nothing is said to be scanned', async (t) => {
  const others = [router('amavis', '* localhost::10024 byname'), router('dns', '')].join('')
  t.match(told(others, [10024]), [/^warning Exim: no router of Exim hands mail to onescand/])
  t.match(told(asThePage, [], [])[2], /^warning Exim: no router/)
})
