import { join } from 'node:path'
import t from 'tap'
import { parseIpAddress } from '../../../src/base/net/ip-address.ts'
import type { ClientActivity } from '../../../src/base/runtime/system.ts'
import { readOptions } from '../../../src/delay/options/delay-options.ts'
import { readUcspiClient, type UcspiClient } from '../../../src/delay/options/ucspi.ts'
import { outcomeOf } from '../../../src/delay/outcome/early-talkers.ts'
import { AllowList } from '../../../src/delay/plan/allow-list.ts'
import { parseNameRules } from '../../../src/delay/plan/name-rules.ts'
import { type PlanContext, planFor, readPlanSources } from '../../../src/delay/plan/plan.ts'
import { startDns } from '../dns-stand-in.ts'

/** Decisions how long clients wait, and why, without any socket. */

interface Setup {
  readonly client?: Partial<UcspiClient>
  readonly options?: readonly string[]
  readonly allow?: string
  readonly isRemembered?: boolean
  /** The answer of reverse DNS. The names lead back unless they are in `elsewhere`. */
  readonly names?: readonly string[] | Error
  readonly elsewhere?: readonly string[]
}

const address = parseIpAddress('192.0.2.1')!

function planned(setup: Setup = {}) {
  const {
    names = ['mail.example.org'],
    elsewhere = [],
    allow = '',
    options = [],
    isRemembered = false,
  } = setup
  const asked: string[] = []
  const client: UcspiClient = {
    ip: '192.0.2.1',
    address,
    name: undefined,
    mayRelay: false,
    delay: undefined,
    wrong: undefined,
    rbl: 'unset',
    ...setup.client,
  }
  const context: PlanContext = {
    allowed: new AllowList(allow),
    rules: parseNameRules('dynamic *|dsl|*', 'test'),
    resolver: {
      async names(domain) {
        asked.push(domain)
        if (names instanceof Error) throw names
        return names
      },
      async addresses(name) {
        asked.push(name)
        return [elsewhere.includes(name) ? '192.0.2.2' : '192.0.2.1']
      },
    },
    isRemembered,
  }
  return { plan: planFor(client, readOptions([...options, 'next']), context), asked }
}

async function judged(setup: Setup = {}) {
  const { plan, asked } = planned(setup)
  if (plan.kind !== 'wait') throw new Error(plan.reason)
  return { ...(await plan.judgement), mayBeExempt: plan.mayBeExempt, asked }
}

t.test('a client need not wait for the first of these reasons that holds', async (t) => {
  const all = { mayRelay: true, rbl: 'refused', delay: 0 } as const
  const allow = '192.0.2.0/24\n'
  const whyOf = (setup: Setup) => {
    const { plan, asked } = planned(setup)
    t.same(asked, [], 'the DNS is not asked')
    return plan.kind === 'pass' ? plan.reason : plan
  }
  t.equal(whyOf({ client: all, allow }), 'RELAYCLIENT')
  t.equal(whyOf({ client: { ...all, mayRelay: false }, allow }), 'allowed by 192.0.2.0/24')
  t.equal(whyOf({ client: { ...all, mayRelay: false } }), 'RBLSMTPD refuses it')
  t.equal(whyOf({ client: { delay: 0 } }), 'SMTPDELAY=0')
})

t.test('SMTPDELAY sets the delay, whatever the name of the client is', async (t) => {
  t.same(await judged({ client: { delay: 7, rbl: 'accepted' }, allow: '.example.org\n' }), {
    delay: 7,
    reason: 'SMTPDELAY',
    isExempt: false,
    class: undefined,
    mayBeExempt: false,
    asked: [],
  })
})

t.test('a client that RBLSMTPD accepts is greeted at once, or by SMTPDELAY', async (t) => {
  const client = { rbl: 'accepted' } as const
  t.match(await judged({ client }), { delay: 0, reason: 'RBLSMTPD accepts it', isExempt: false })
  t.match(await judged({ client: { ...client, delay: 1 } }), { delay: 1, reason: 'SMTPDELAY' })
})

t.test('the class of the name decides, which the DNS has or the server gave', async (t) => {
  const options = ['-d', '2', '-D', '5', '-N', '9']
  t.same(await judged({ options }), {
    delay: 2,
    reason: 'ordinary mail.example.org (no rule matches)',
    isExempt: false,
    class: 'ordinary',
    mayBeExempt: false,
    asked: ['1.2.0.192.in-addr.arpa'],
  })
  t.match(await judged({ options, names: ['dsl.example.org'] }), {
    delay: 5,
    reason: 'dynamic dsl.example.org (dynamic *|dsl|*)',
    class: 'dynamic',
  })
  t.match(await judged({ options, names: [] }), {
    delay: 9,
    reason: 'nameless (no name)',
    class: 'nameless',
  })
  t.match(await judged({ options, names: new Error('down') }), {
    delay: 2,
    reason: 'ordinary (no answer: down)',
  })
  t.match(await judged({ options, client: { name: 'dsl.example.org' } }), { delay: 5, asked: [] })
})

t.test('if one of several names is ordinary, that decides, in any order', async (t) => {
  const whyOf = async (...names: string[]) => (await judged({ names })).reason
  const mail = 'ordinary mail.example.org (no rule matches)'
  t.equal(await whyOf('mail.example.org', 'dsl.example.org'), mail)
  t.equal(await whyOf('dsl.example.org', 'mail.example.org'), mail)
  t.match(await whyOf('dsl.example.org', 'localhost'), 'dynamic dsl.example.org')
})

t.test('a name that no mail server could have makes a client dynamic', async (t) => {
  const ruleOf = async (name: string) => (await judged({ names: [name] })).reason.slice(-22)
  const label = 'a'.repeat(63)
  const longest = [label, label, label, label].join('.')
  for (const name of ['a.b', 'my_mail.example.org.', longest]) {
    t.match(await ruleOf(name), /\(no rule matches\)$/, name)
  }
  const none = ['localhost', '.a.b', 'a..b', 'a.b!', 'a b.c', `${label}a.b`, `${longest}.`, 'a.b..']
  for (const name of none) t.match(await ruleOf(name), /\(not a host name\)$/, name)
  t.match(await judged({ names: ['localhost'] }), { class: 'dynamic', delay: 10 })
})

t.test('a name is allowed if the DNS confirms it', async (t) => {
  const allow = '.example.org\n'
  t.same(await judged({ allow, names: ['mail.example.net', 'mail.example.org'] }), {
    delay: 0,
    reason: 'allowed by .example.org',
    isExempt: true,
    class: undefined,
    mayBeExempt: true,
    asked: ['1.2.0.192.in-addr.arpa', 'mail.example.org'],
  })
  const elsewhere = ['mail.example.org']
  t.match(await judged({ allow, elsewhere }), { delay: 1, isExempt: false, class: 'ordinary' })
  t.match(await judged({ allow, names: ['mail.example.net'] }), { isExempt: false })
  t.match(await judged({ allow, names: [] }), { isExempt: false, class: 'nameless' })
})

t.test('a known client does not wait; its name is looked up if that may help', async (t) => {
  const isRemembered = true
  t.same(await judged({ isRemembered }), {
    delay: 0,
    reason: 'remembered',
    isExempt: false,
    class: undefined,
    mayBeExempt: false,
    asked: [],
  })
  const allow = '.example.org\n'
  t.match(await judged({ isRemembered, allow }), {
    reason: 'allowed by .example.org',
    isExempt: true,
  })
  t.match(await judged({ isRemembered, allow, names: ['mail.example.net'] }), {
    reason: 'remembered',
    delay: 0,
  })
})

t.test('the end of a wait depends on what the client does and what is known by then', async (t) => {
  const ordinary = { delay: 3, reason: 'ordinary', isExempt: false, class: undefined }
  const allowed = { delay: 0, reason: 'allowed', isExempt: true, class: undefined }
  const never = new Promise<typeof ordinary>(() => {})
  const endOf = async (
    sign: ClientActivity,
    judgement: Promise<typeof ordinary>,
    mayBeExempt = false,
  ) => {
    await Promise.race([judgement, undefined])
    return outcomeOf({ kind: 'wait', judgement, mayBeExempt }, async () => sign)
  }
  const known = Promise.resolve(ordinary)
  t.same(await endOf('silent', known), { event: 'passed', reason: 'ordinary' })
  t.same(await endOf('talks', known), { event: 'talked', reason: 'ordinary' })
  t.same(await endOf('left', known), { event: 'left', reason: 'ordinary' })
  t.same(await endOf('talks', never), { event: 'talked', reason: 'not looked up yet' })
  t.same(await endOf('left', never, true), { event: 'left', reason: 'not looked up yet' })
  t.same(await endOf('talks', Promise.resolve(allowed), true), {
    event: 'passed',
    reason: 'allowed',
  })
  t.same(await endOf('left', Promise.resolve(allowed), true), { event: 'left', reason: 'allowed' })
  const late = new Promise<typeof allowed>((resolve) => setImmediate(() => resolve(allowed)))
  t.same(
    await endOf('talks', late, true),
    { event: 'passed', reason: 'allowed' },
    'it is waited for',
  )
})

t.test('the program that watches the client gets the wait in milliseconds', async (t) => {
  const judgement = Promise.resolve({ delay: 1.5, reason: '', isExempt: false, class: undefined })
  let received: number | undefined
  await outcomeOf({ kind: 'wait', judgement, mayBeExempt: false }, async (delay) => {
    received = await delay
    return 'silent'
  })
  t.equal(received, 1500)
})

t.test('the environment of a UCSPI server describes the client', async (t) => {
  const TCPREMOTEIP = '192.0.2.1'
  t.same(readUcspiClient({ TCPREMOTEIP }), {
    ip: TCPREMOTEIP,
    address,
    name: undefined,
    mayRelay: false,
    delay: undefined,
    wrong: undefined,
    rbl: 'unset',
  })
  const all = { TCPREMOTEHOST: 'a.example.org', RELAYCLIENT: '', SMTPDELAY: '2.5', RBLSMTPD: '' }
  t.match(readUcspiClient({ TCPREMOTEIP, ...all }), {
    name: 'a.example.org',
    mayRelay: true,
    delay: 2.5,
    rbl: 'accepted',
  })
  const empty = { TCPREMOTEHOST: '', SMTPDELAY: '', RBLSMTPD: '-no' }
  t.match(readUcspiClient({ TCPREMOTEIP, ...empty }), {
    name: undefined,
    delay: undefined,
    rbl: 'refused',
  })
  t.match(readUcspiClient({ TCPREMOTEIP, SMTPDELAY: 'soon' }), {
    delay: undefined,
    wrong: 'SMTPDELAY soon: is not a number of seconds from 0 to 300; it is ignored',
  })
})

t.test('an invalid variable is a fault with a remedy', async (t) => {
  const config = (message: string) => ({ kind: 'config', message })
  t.throws(() => readUcspiClient({}), config('TCPREMOTEIP: is not set; run this under tcpserver'))
  t.throws(
    () => readUcspiClient({ TCPREMOTEIP: 'x' }),
    config('TCPREMOTEIP x: is not an address; tcpserver sets it'),
  )
})

t.test('an invalid SMTPDELAY is ignored, and disconnects no client', async (t) => {
  t.match(readUcspiClient({ TCPREMOTEIP: '192.0.2.1', SMTPDELAY: '301' }), {
    delay: undefined,
    wrong: 'SMTPDELAY 301: is not a number of seconds from 0 to 300; it is ignored',
  })
})

t.test('the DNS servers are those of --dns, else those of DNSCACHEIP', async (t) => {
  const names = { 'x.example.org': { names: ['y.example.org'] } }
  const [first, second] = [await startDns(t, names), await startDns(t, names)]
  const uptime = () => performance.now()
  const ask = (...words: string[]) => {
    const env = { DNSCACHEIP: ` ${first.server},` }
    return readPlanSources(readOptions([...words, 'next']), env, uptime).ask()
  }
  t.same(await ask().names('x.example.org'), ['y.example.org'])
  t.same(await ask('--dns', second.server).names('x.example.org'), ['y.example.org'])
  t.equal(first.asked.length, 1)
})

t.test(
  'a file of names counts before the built-in rules; one that cannot be used is named',
  async (t) => {
    const file = join(t.testdir({ names: 'ordinary *|dsl|*\n', odd: 'static\n' }), 'names')
    const sources = (...files: string[]) => {
      const words = files.flatMap((file) => ['--names', file])
      return readPlanSources(readOptions([...words, 'next']), {}, () => 0)
    }
    t.ok(sources(file).rules.length > sources().rules.length)
    t.match(sources(file).rules[0], { nameClass: 'ordinary' })
    for (const bad of ['/nonexistent/names', file.replace(/names$/, 'odd')]) {
      t.throws(() => sources(file, bad), { kind: 'config', message: `--names ${bad}` })
    }
  },
)
