import { chownSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { lacks } from '../../../../needs.mjs'
import { clamdClients } from '../../../../programs/clamd-clients/all.ts'
import { freePort } from '../../../../programs/host/free-port.ts'
import { openDirectory } from '../../../../programs/host/reachable.ts'
import { startServer } from '../../../../programs/host/server.ts'
import { type Clamd, clamdMissing, startClamd } from '../../../../programs/servers/clamd.ts'
import { postfixMissing, startPostfix } from '../../../../programs/servers/postfix.ts'
import { startRspamd } from '../../../../programs/servers/rspamd.ts'
import { startOnescand } from '../../../daemon/process.ts'
import { jsonIn, onescan, PLAIN } from '../../onescan.ts'

/** `onescan check --mail ADDRESS --smtp HOST:PORT` against mail servers with the filters of others. */

interface Running {
  readonly port: number
  readonly maildir?: string
}

interface SetUp {
  readonly missing: string | false
  start(t: Test, clamd: Clamd): Promise<Running>
  /** The exit code, and what happens to each message. */
  readonly expect: readonly (number | string)[]
}

/** A Postfix with these settings, which delivers to a Maildir. */
async function postfixWith(t: Test, main: Readonly<Record<string, string>>): Promise<Running> {
  const directory = openDirectory(t)
  const maildir = join(directory, 'ann')
  for (const path of ['', 'new', 'cur', 'tmp'].map((part) => join(maildir, part))) {
    mkdirSync(path)
    chownSync(path, PLAIN, PLAIN)
  }
  const delivery = {
    virtual_mailbox_domains: 'example.org',
    virtual_mailbox_base: directory,
    virtual_mailbox_maps: 'static:ann/',
    virtual_uid_maps: `static:${PLAIN}`,
    virtual_gid_maps: `static:${PLAIN}`,
    milter_default_action: 'tempfail',
  }
  const services = 'virtual unix - n n - - virtual\n'
  const { port } = await startPostfix(t, 1, { ...delivery, ...main }, { services })
  return { port, maildir }
}

/** A program among those that ask clamd. */
function asking(name: string): Pick<SetUp, 'missing' | 'start'> {
  const client = clamdClients.find((other) => other.name === name)!
  return {
    missing: client.missing,
    async start(t, { socket, tcp }) {
      const place =
        client.asksBy === 'unix' ? { path: socket } : { port: Number(tcp.split(':')[1]) }
      return { port: (await client.start(t, place)).port! }
    },
  }
}

const rspamd = (antivirus: string): Pick<SetUp, 'missing' | 'start'> => ({
  missing: postfixMissing || lacks('rspamd'),
  async start(t, { tcp }) {
    const clamav = `clamav { type = "clamav"; servers = "${tcp}"; action = "reject"; ${antivirus} }\n`
    const files = { 'antivirus.conf': clamav, 'actions.conf': 'add_header = 100;\n' }
    return postfixWith(t, { smtpd_milters: await startRspamd(t, files) })
  },
})

const REFUSED = ['refused', 'refused', 'refused']
const setUps: Readonly<Record<string, SetUp>> = {
  // As Debian has it: it hands parts of a message to clamd, and no text.
  'Postfix with rspamd': {
    ...rspamd(''),
    expect: [
      ...[2, 'unchanged', 'unchanged', 'refused', 'refused'],
      ...['refused', 'unchanged', 'unchanged', 'refused', 'unchanged'],
    ],
  },
  'Postfix with rspamd that hands on whole mails': {
    ...rspamd('scan_mime_parts = false;'),
    expect: [2, 'unchanged', ...REFUSED, ...Array(4).fill('unchanged'), 'unchanged'],
  },
  'Postfix with clamav-milter': {
    ...asking('clamav-milter by a unix socket'),
    expect: [2, 'accepted', ...REFUSED, ...Array(4).fill('accepted'), 'accepted'],
  },
  'Postfix with clamav-milter that tags': {
    missing: postfixMissing || lacks('clamav-milter'),
    async start(t, { socket }) {
      const config = join(openDirectory(t), 'clamav-milter.conf')
      const port = await freePort()
      const lines = [`MilterSocket inet:${port}@127.0.0.1`, `ClamdSocket unix:${socket}`, 'Foreground yes', 'OnInfected Accept', 'AddHeader Replace'] // biome-ignore format: a line
      writeFileSync(config, `${lines.join('\n')}\n`)
      const command = ['clamav-milter', '--config-file', config]
      const milter = await startServer(command, { port, host: '127.0.0.1' })
      t.teardown(() => milter.stop())
      return postfixWith(t, { smtpd_milters: `inet:127.0.0.1:${port}` })
    },
    expect: [
      2,
      'unchanged',
      'tagged',
      'tagged',
      'tagged',
      ...Array(4).fill('unchanged'),
      'unchanged',
    ],
  },
  'Exim with av_scanner': {
    ...asking('Exim by TCP'),
    expect: [2, 'accepted', ...REFUSED, ...Array(4).fill('accepted'), 'accepted'],
  },
  Haraka: {
    ...asking('Haraka'),
    expect: [2, 'accepted', ...REFUSED, ...Array(4).fill('accepted'), 'accepted'],
  },
  'Postfix without a filter': {
    missing: postfixMissing,
    start: (t) => postfixWith(t, {}),
    expect: [2, ...Array(9).fill('unchanged')],
  },
  'Postfix with onescan': {
    missing: postfixMissing,
    async start(t, { socket }) {
      const directory = openDirectory(t)
      const milter = `unix:${directory}/milter`
      const settings = {
        QHPSI: 'plugin: clamd',
        CLAMD: socket,
        REJECTVIRUS: '1',
        TMPDIR: directory,
      }
      await startOnescand(t, { args: ['--milter', milter, '--mode', '0666'], settings })
      return postfixWith(t, { smtpd_milters: milter })
    },
    expect: [0, 'unchanged', ...Array(7).fill('refused'), 'unchanged'],
  },
}

t.test('the findings of each set-up', { skip: clamdMissing, jobs: 3 }, async (t) => {
  const clamd = await startClamd(t, { tcp: true })
  for (const [name, { missing, start, expect }] of Object.entries(setUps)) {
    t.test(name, { skip: missing }, async (t) => {
      const { port, maildir } = await start(t, clamd)
      const to = ['--mail', 'ann@example.org', '--smtp', `127.0.0.1:${port}`]
      const seen = maildir === undefined ? [] : ['--maildir', maildir]
      const { code, out } = await onescan(['check', '--json', ...to, ...seen])
      const { results } = jsonIn(out)
      const fates = results.map(({ mail }) =>
        mail.answer === 'accepted' && mail.delivery !== 'unknown' ? mail.delivery : mail.answer,
      )
      t.same([code, ...fates], expect, { results })
    })
  }
})
