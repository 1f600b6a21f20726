import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readLdapSettings } from '../../src/base/protocol/ldap/ldap-settings.ts'
import {
  readQuestionDatagram,
  replyDatagram,
} from '../../src/base/protocol/quota/quota-datagrams.ts'
import { usage } from '../../src/quota/quotad-options.ts'
import { readServiceSettings } from '../../src/quota/service-settings.ts'
import { READ_TIMEOUT } from '../../src/quota/sources/mailbox-result.ts'
import { items, readPage, section } from '../documents/man-page.ts'

/** onescan-quotad(8) describes the program as it is. */

const page = readPage('onescan-quotad.8')
const environment = new Map(
  items(section(page, 'ENVIRONMENT')).flatMap(([tag, text]) =>
    tag.startsWith('Ev ')
      ? tag
          .slice(3)
          .split(' , ')
          .map((name) => [name, text] as const)
      : [],
  ),
)

t.test('the page describes exactly the variables that are read', async (t) => {
  const read = new Set<string>(['NOTIFY_SOCKET', 'LISTEN_FDS', 'LISTEN_FDNAMES', 'LISTEN_PID'])
  for (const room of ['quota', 'quota/sources', 'base/protocol/ldap']) {
    const directory = join(import.meta.dirname, '../../src', room)
    for (const file of readdirSync(directory).filter((name) => name.endsWith('.ts'))) {
      const source = readFileSync(join(directory, file), 'utf8')
      for (const [, name] of source.matchAll(/\benv\.([A-Z_]+)\b(?! = )/g)) read.add(name!)
      for (const [, name] of source.matchAll(/\(\s*env,\s*'([A-Z_]+)'/g)) read.add(name!)
    }
  }
  t.ok(read.size > 15, 'the reads were found')
  t.same([...environment.keys()].sort(), [...read].sort())
})

t.test('the page describes exactly the options that exist', async (t) => {
  const described = items(section(page, 'OPTIONS')).map(([tag]) => /^Fl -(\S+)/.exec(tag)?.[1])
  const used = [...usage.matchAll(/--([a-z-]+)/g)].map(([, name]) => name)
  const options = used.filter((name) => name !== 'help' && name !== 'version')
  t.same(described.sort(), options.sort())
})

t.test('the page has the defaults of the program', async (t) => {
  const { lookupTimeout } = readServiceSettings({})
  t.match(environment.get('QUOTATIMEOUT'), `Default: ${lookupTimeout / 0.8}.`)
  t.match(
    environment.get('QUOTALDAPFILTER'),
    readLdapSettings({ QUOTALDAPURL: 'ldap://x' })!.filter,
  )
  t.match(page, `A count stops after ${READ_TIMEOUT / 1000} seconds`)
})

t.test('the datagrams in the page of the protocol are those of the program', async (t) => {
  const file = join(import.meta.dirname, '../../doc/development/quota-protocol.md')
  const [, questions = '', , answer = ''] = readFileSync(file, 'utf8')
    .split('```')
    .map((block) => block.trim())
  const shown = questions.split('\n')
  t.equal(shown.length, 3)
  for (const question of shown) {
    t.ok(readQuestionDatagram(Buffer.from(question.replace('incoming', '1'))), question)
  }
  const [, user, size, quota, nonce] = answer.split(' ')
  const usage = { size: Number(size), quota: Number(quota) }
  const made = replyDatagram({ user: user!, incoming: 1, nonce: nonce! }, { status: 'room', usage })
  t.equal(made, answer)
})
