import '../../../needs-addon.ts'
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import t from 'tap'
import { becomePlain } from '../../../programs/host/plain-account.ts'
import { openDirectory } from '../../../programs/host/reachable.ts'
import { sendAndReset } from '../../../programs/host/send-and-reset.ts'
import { until } from '../../../run/until.ts'
import { keepOne, makeQuarantine } from '../../scan/quarantine/quarantined.ts'
import { startOnescand } from '../process.ts'
import { ask, type ServedApi, serveApi, TOKEN } from './quarantine-rig.ts'

/** What a token of the quarantine permits. */

becomePlain()

const tokenOf = (name: string) => `the-token-of-${name}-0123456789`

/** Serves the quarantine to these persons, each a name with its limits. */
async function serveTo(
  t: Parameters<typeof serveApi>[0],
  persons: Readonly<Record<string, string>>,
  settings: Readonly<Record<string, string>> = {},
) {
  const api = await serveApi(t, { settings })
  const lines = Object.entries(persons).map(
    ([name, limits]) => `${name} ${tokenOf(name)} ${limits}\n`,
  )
  writeFileSync(api.tokens, [`root ${TOKEN}x\n`, ...lines].join(''))
  api.child.kill('SIGHUP')
  const as = (name: string, method: string, path: string, body?: unknown) =>
    api.call(method, path, {
      body,
      headers: { Authorization: `Bearer ${tokenOf(name)}`, 'Idempotency-Key': `${Math.random()}` },
    })
  const [first] = Object.keys(persons)
  const isIn = async () => (await as(first!, 'GET', 'me')).status === 200
  await until(isIn, 'the new persons are let in')
  return { ...api, as }
}

const idsOf = ({ json }: Awaited<ReturnType<ServedApi['call']>>) =>
  json.messages.map(({ id }: { id: string }) => id)

t.test('a person sees and acts on mail for the own recipients alone', async (t) => {
  const api = await serveTo(t, {
    org: 'to=example.org,.example.com',
    ann: 'to=ann@example.net stays=30m',
    all: '',
  })
  const keep = (...recipients: string[]) =>
    keepOne(api.directory, Date.now(), { recipients, log: `to=${recipients.at(-1)}` })
  const org = await keep('b@EXAMPLE.org')
  const sub = await keep('c@sub.example.com')
  const ann = await keep('Ann@example.net')
  const both = await keep('b@example.org', 'ann@example.net', 'z@secret.example')
  const none = await keep('z@secret.example', 'x@notexample.org', 'ann@example.net.evil.example')
  t.same(idsOf(await api.as('all', 'GET', 'messages')), [none, both, ann, sub, org])
  t.same(idsOf(await api.as('org', 'GET', 'messages')), [both, sub, org])
  t.same(idsOf(await api.as('ann', 'GET', 'messages')), [both, ann])
  t.same(idsOf(await api.as('org', 'GET', 'messages?search=secret')), [])
  const { json } = await api.as('org', 'GET', `messages/${both}`)
  t.match(json, { recipients: ['b@example.org'], recipientCount: 1, log: '' })
  t.notMatch(JSON.stringify(json), 'secret')
  for (const path of [none, ann].map((id) => `messages/${id}`)) {
    for (const [
      method,
      more,
    ] of [['GET', ''], ['GET', '/parts'], ['GET', '/text'], ['DELETE', ''], ['POST', '/release']] as const) // biome-ignore format: a line
      t.equal((await api.as('org', method, path + more)).status, 404, `${method} ${more}`)
  }
  t.match((await api.as('org', 'DELETE', `messages/${both}`)).json, { code: 'for-others' })
  const elsewhere = { to: ['z@secret.example'] }
  t.match((await api.as('org', 'POST', `messages/${both}/release`, elsewhere)).json, {
    ...{ status: 403, code: 'not-allowed' },
  })
  const through = { to: ['z%secret.example@example.org'] }
  t.equal((await api.as('org', 'POST', `messages/${both}/release`, through)).status, 403)
  t.equal(api.next.calls, 0)
  t.equal((await api.as('org', 'POST', `messages/${both}/release`)).status, 200)
  t.same(api.next.got[0]?.recipients, ['b@example.org'])
  t.same(idsOf(await api.as('org', 'GET', 'messages')), [sub, org], 'the own recipients have it')
  t.same(idsOf(await api.as('org', 'GET', 'messages?state=released')), [both])
  t.same(idsOf(await api.as('ann', 'GET', 'messages')), [both, ann], 'others do not')
  t.match((await api.as('ann', 'GET', `messages/${both}`)).json, { state: 'kept', releasedTo: [], releasedCount: 0 }) // biome-ignore format: a line
  t.match((await api.as('org', 'POST', `messages/${both}/release`)).json, { code: 'released' })
  t.equal((await api.as('org', 'POST', `messages/${org}/release`, { to: ['new@example.org'] })).status, 200) // biome-ignore format: a line
  const many = await api.as('org', 'POST', 'messages/delete', { ids: [sub, none, both, 'x'] })
  t.match(many.json.results, [
    { id: sub, deleted: true },
    { id: none, problem: { code: 'no-message' } },
    { id: both, problem: { code: 'for-others' } },
    { id: 'x', problem: { code: 'no-message' } },
  ])
  for (const method of ['GET', 'DELETE'])
    t.match((await api.as('all', method, `messages/${sub}`)).json, { code: 'no-message', deletedBy: 'org', deletedAt: /^\d{4}-/ }) // biome-ignore format: a line
  t.match((await api.as('all', 'POST', `messages/${sub}/release`)).json, { deletedBy: 'org' })
  t.notOk('deletedBy' in (await api.as('ann', 'GET', `messages/${sub}`)).json, 'it was for others')
  t.match((await api.as('org', 'GET', 'me')).json, { person: 'org', domains: ['example.org', '.example.com'], recipients: [], signOutAfter: 28_800 }) // biome-ignore format: a line
  t.match((await api.as('ann', 'GET', 'me')).json, { recipients: ['ann@example.net'], signOutAfter: 1800 }) // biome-ignore format: a line
  t.same((await api.as('all', 'GET', 'me')).json, { person: 'all', may: ['look', 'read', 'release', 'delete', 'download'], signOutAfter: 28_800 }) // biome-ignore format: a line
})

t.test('a person does only what the token permits, and the log names who did it', async (t) => {
  const api = await serveTo(t, { eve: 'may=look', joe: 'may=read,delete', sue: 'may=release' })
  const id = await keepOne(api.directory, Date.now())
  const statuses = async (name: string) => {
    const asked = [['GET', 'messages'], ['GET', `messages/${id}`], ['GET', `messages/${id}/text`], ['POST', `messages/${id}/release`], ['POST', 'messages/delete']] as const // biome-ignore format: a line
    const replies = asked.map(([method, path]) => api.as(name, method, path, method === 'POST' && /delete/.test(path) ? { ids: [] } : undefined)) // biome-ignore format: a line
    return (await Promise.all(replies)).map(({ status }) => status)
  }
  t.same(await statuses('eve'), [200, 200, 403, 403, 403])
  t.same(await statuses('joe'), [200, 200, 200, 403, 200])
  t.same(await statuses('sue'), [200, 200, 403, 200, 403])
  const { history, deletedOn } = (await api.as('eve', 'GET', `messages/${id}`)).json
  t.match(history, [{ person: 'sue', act: 'released', recipients: ['b@example.org'], recipientCount: 1 }]) // biome-ignore format: a line
  t.ok(Math.abs(Date.parse(history[0].at) - Date.now()) < 600_000)
  t.equal(Math.round((Date.parse(deletedOn) - Date.now()) / 86_400_000), 30)
  await api.logged(new RegExp(`quarantine=show kept=${id} who=eve@127.0.0.1`))
})

t.test(
  'a person releases and allows only the kinds of findings in the line of the token',
  async (t) => {
    const api = await serveTo(t, { desk: 'may=release,allow release=encrypted,banned', all: '' })
    const virus = await keepOne(api.directory, Date.now())
    const zip = await keepOne(api.directory, Date.now(), { grounds: 'encrypted', found: 'Heuristics.Encrypted.Zip' }) // biome-ignore format: a line
    const refused = { status: 403, code: 'not-this-kind' }
    t.match((await api.as('desk', 'GET', 'me')).json, { releases: ['encrypted', 'banned'] })
    t.notOk('releases' in (await api.as('all', 'GET', 'me')).json)
    const obstacle = async (name: string, id: string) => (await api.as(name, 'GET', `messages/${id}`)).json.obstacle // biome-ignore format: a line
    t.equal(await obstacle('desk', virus), 'not-this-kind')
    t.equal(await obstacle('desk', zip), null)
    t.equal(await obstacle('all', virus), null)
    t.match((await api.as('desk', 'POST', `messages/${virus}/release`)).json, refused)
    t.match((await api.as('desk', 'POST', `messages/${virus}/release`, { stamp: false })).json, refused) // biome-ignore format: a line
    t.match((await api.as('desk', 'POST', `messages/${virus}/allow`, { for: 'sender' })).json, refused) // biome-ignore format: a line
    t.match((await api.as('desk', 'DELETE', `messages/${virus}/allow`)).json, refused)
    const many = await api.as('desk', 'POST', 'messages/release', { ids: [virus, zip] })
    t.match(many.json.results, [
      { id: virus, problem: refused },
      { id: zip, released: true },
    ])
    t.equal(api.next.got.length, 1)
    t.equal(
      (await api.as('all', 'POST', `messages/${virus}/release`)).status,
      200,
      'it is as before',
    )
  },
)

t.test('what prevents each release is known before', async (t) => {
  const api = await serveTo(t, { ann: '' }, { CLUSTERKEYS: '' })
  const shown = async (record: object) => {
    const id = await keepOne(api.directory, Date.now(), record)
    return (await api.as('ann', 'GET', `messages/${id}`)).json.obstacle
  }
  t.equal(await shown({}), 'no-key')
  t.equal(
    await shown({ door: 'scan', file: '/var/mail/ann/cur/1' }),
    null,
    'it goes back without a key',
  )
  const other = await serveTo(t, { ann: '' })
  const id = await keepOne(other.directory, Date.now(), { grounds: 'unclear-header' })
  t.equal((await other.as('ann', 'GET', `messages/${id}`)).json.obstacle, 'cannot-sign')
})

t.test('a message is a file only for one who may', async (t) => {
  const api = await serveTo(t, { dan: 'may=download', eve: 'may=look,read,release,delete' })
  const text = `Subject: x\n\n${'\0\xff\n'.repeat(1000)}`
  const id = await keepOne(api.directory, Date.now(), { text })
  t.equal((await api.as('eve', 'GET', `messages/${id}/message`)).status, 403)
  const { headers, text: got } = await api.as('dan', 'GET', `messages/${id}/message`)
  t.equal(headers['content-disposition'], `attachment; filename="${id}.eml"`)
  t.match(headers['content-security-policy'], /default-src 'none'/)
  t.equal(got, Buffer.from(text, 'latin1').toString())
  t.match((await api.as('dan', 'GET', `messages/${id}`)).json.history, [{ person: 'dan', act: 'downloaded' }]) // biome-ignore format: a line
})

t.test(
  'one who may lets a finding through, for the own recipients, and takes that back',
  async (t) => {
    const home = openDirectory(t)
    mkdirSync(join(home, 'control'))
    const policy = join(home, 'control/onescan.policy')
    writeFileSync(policy, '# ours\n')
    const api = await serveTo(t, { pam: 'may=allow', org: 'may=allow to=example.org', eve: '' }, { CONTROLDIR: join(home, 'control') }) // biome-ignore format: a line
    const keep = (record: Parameters<typeof keepOne>[2]) =>
      keepOne(api.directory, Date.now(), record)
    const id = await keep({ recipients: ['b@example.org', 'z@example.com'] })
    const allow = (name: string, body: unknown, of = id) => api.as(name, 'POST', `messages/${of}/allow`, body) // biome-ignore format: a line
    const rules = () => readFileSync(policy, 'utf8')
    const later = await keep({ recipients: ['b@example.org'] })
    /** The exceptions that a person may make or undo at a later message like this one. */
    const possible = async (name: string) => {
      const { exceptions } = (await api.as(name, 'GET', `messages/${later}`)).json
      return exceptions.map((one: { for: string; isMade: boolean }) => `${one.isMade ? 'undo' : 'make'} ${one.for}`) // biome-ignore format: a line
    }
    t.same(await possible('pam'), ['make pair', 'make sender', 'make recipient'])
    t.same(await possible('org'), ['make pair', 'make recipient'], 'those for the own recipients')
    t.same(await possible('eve'), [])
    t.equal((await allow('eve', { for: 'sender' })).status, 403)
    const line = 'from=a@example.net,signature=Test-Virus allow'
    const seen = await allow('pam', { for: 'sender', preview: true })
    t.match(seen.json, {
      line,
      letsIn: /^From now on, mail from a@example\.net with Test-Virus is delivered to everybody\./,
    })
    t.equal(rules(), '# ours\n')
    t.match((await allow('pam', { for: 'sender' })).json, { line, isNew: true })
    const pams = `# For the quarantined message ${id}\n${line}\n`
    t.equal(rules(), `# ours\n${pams}`)
    t.match((await allow('pam', { for: 'sender' })).json, { line, isNew: false })
    await api.logged(new RegExp(`quarantine=allow kept=${id} for=sender who=pam`))
    t.same(await possible('pam'), ['make pair', 'undo sender', 'make recipient'])
    t.equal((await api.as('pam', 'DELETE', `messages/${later}/allow?for=sender`)).status, 200)
    t.equal(rules(), '# ours\n', 'undone at another message')
    t.match((await allow('pam', { for: 'sender' })).json, { line, isNew: true })
    const own = 'from=a@example.net,to=b@example.org,signature=Test-Virus allow'
    t.match((await allow('org', { for: 'sender' })).json, { line: own })
    await api.logged(new RegExp(`quarantine=allow kept=${id} for=pair who=org`))
    t.match((await allow('org', { for: 'recipient' })).json, { line: 'to=b@example.org,signature=Test-Virus allow' }) // biome-ignore format: a line
    t.equal((await api.as('org', 'DELETE', `messages/${id}/allow`)).status, 200)
    t.equal(rules(), `# ours\n${pams}`, 'those of others stay')
    const undo = (name: string, whose: string) => api.as(name, 'DELETE', `messages/${id}/allow?for=${whose}`) // biome-ignore format: a line
    t.match((await allow('pam', { for: 'pair' })).json, {
      line: `${own}\nfrom=a@example.net,to=z@example.com,signature=Test-Virus allow`,
      letsIn: 'From now on, mail from a@example.net with Test-Virus is delivered to b@example.org, z@example.com.', // biome-ignore format: a line
    })
    t.equal((await undo('pam', 'pair')).status, 200)
    t.equal(rules(), `# ours\n${pams}`, 'only that of the kind is removed')
    const last = (await api.as('pam', 'GET', `messages/${id}`)).json.history.at(-1)
    t.match(last, { act: 'disallowed', for: 'pair', person: 'pam' })
    for (const wrong of ['all', 'pair&for=pair', 'pair&x=1'])
      t.equal((await undo('pam', wrong)).status, 400, wrong)
    const administrators = 'to=b@example.org,signature=Test-Virus allow\n'
    writeFileSync(policy, rules() + administrators)
    t.match((await allow('org', { for: 'recipient' })).json, { isNew: false })
    t.same(await possible('org'), ['make pair', 'make recipient'], 'that one cannot be undone here')
    for (const name of ['pam', 'org'])
      t.equal((await api.as(name, 'DELETE', `messages/${id}/allow`)).status, 200)
    t.equal(rules(), `# ours\n${administrators}`, 'only what was added is removed')
    for (const record of [{ found: undefined }, { found: 'x*' }, { found: 'a"b' }, { sender: '' }])
      t.match((await allow('pam', { for: 'sender' }, await keep(record))).json, {
        code: 'no-exception',
      })
    for (const body of [{}, { for: 'all' }, { for: 'sender', x: 1 }])
      t.equal((await allow('pam', body)).status, 400)
    chmodSync(join(home, 'control'), 0o500)
    t.same(await possible('pam'), [], 'the host is not set up for exceptions')
    t.match((await allow('pam', { for: 'sender' })).json, { status: 409, detail: /onescan allow/ })
    chmodSync(join(home, 'control'), 0o700)
  },
)

t.test('behind a proxy at a unix socket, wrong tokens count for the client alone', async (t) => {
  const place = openDirectory(t)
  const [socketPath, tokens] = [join(place, 'http'), join(place, 'tokens')]
  writeFileSync(tokens, `ann ${TOKEN}\n`, { mode: 0o600 })
  await startOnescand(t, {
    args: ['--http', `unix:${socketPath}`, '--http-quarantine', tokens],
    settings: { QHPSI: 'plugin: eicar', QUARANTINE: makeQuarantine(t) },
  })
  await until(() => existsSync(socketPath), 'it listens')
  const statusFor = (client: string, token: string) =>
    new Promise<number>((resolve, reject) => {
      const headers = {
        Authorization: `Bearer ${token}`,
        'X-Forwarded-For': `192.0.2.9, ${client}`,
      }
      request({ socketPath, path: '/quarantine/v1/me', headers, agent: false }, (response) => {
        response.resume()
        resolve(response.statusCode!)
      })
        .on('error', reject)
        .end()
    })
  for (let n = 0; n < 10; n++) t.equal(await statusFor('192.0.2.1', 'guess'), 401)
  t.equal(await statusFor('192.0.2.1', TOKEN), 429)
  t.equal(await statusFor('192.0.2.2', TOKEN), 200)
})

t.test('a client at a port that has reset its connection names no other one', async (t) => {
  const api = await serveTo(t, { ann: '' })
  api.child.kill('SIGSTOP')
  const fields = ['Host: x', 'Authorization: Bearer guess', 'X-Forwarded-For: 192.0.2.1']
  sendAndReset(api.port, `GET /quarantine/v1/me HTTP/1.1\r\n${fields.join('\r\n')}\r\n\r\n`)
  api.child.kill('SIGCONT')
  const headers = { Authorization: 'Bearer guess' }
  t.equal((await ask(api.port, 'GET', '/quarantine/v1/me', undefined, headers)).status, 401)
  await api.logged(/a wrong token for the quarantine from 127\.0\.0\.1/)
  t.notOk(api.log.some((line) => line.includes('192.0.2.1')))
})

t.test('a file of 64 KiB has hundreds of persons, and an unclear line is refused', async (t) => {
  const persons = Object.fromEntries(Array.from({ length: 600 }, (_, n) => [`person${n}`, 'to=example.org'])) // biome-ignore format: a line
  const api = await serveTo(t, persons)
  t.equal((await api.as('person599', 'GET', 'messages')).status, 200)
  for (const words of [
    'may=',
    'may=everything',
    'release=everything',
    'release=',
    'to=',
    'to=a@b@c',
    'to=example.org,',
    'stays=1',
    'stays=soon',
    'x',
  ]) {
    writeFileSync(api.tokens, `ann ${TOKEN} ${words}\n`)
    const before = api.log.length
    api.child.kill('SIGHUP')
    await until(
      () => api.log.slice(before).some((line) => /remain in use.*: ann: /.test(line)),
      words,
    )
  }
  t.equal((await api.as('person599', 'GET', 'messages')).status, 200)
})

t.test('a file that cannot be used takes away the quarantine alone, until it can', async (t) => {
  const api = await serveApi(t, { tokens: 'ann short\n' })
  await api.logged(/^onescand: the quarantine is not served, and onescand retries every 5 s: --http-quarantine/) // biome-ignore format: a line
  for (const path of ['/metrics', '/readyz', '/']) t.equal((await api.get(path)).status, 200, path)
  const list = () => ask(api.port, 'GET', '/quarantine/v1/messages', undefined, { Authorization: `Bearer ${TOKEN}` }) // biome-ignore format: a line
  t.match((await list()).json, { status: 500, code: 'quarantine', detail: /tokens cannot be used/ })
  writeFileSync(api.tokens, `ann ${TOKEN}\n`)
  await until(async () => (await list()).status === 200, 'it is served')
})
