import t from 'tap'
import { environmentOfNextProgram } from '../../../src/base/settings/child-environment.ts'
import {
  readFromCaller,
  settingAliases,
  settingNames,
  settingTable,
} from '../../../src/base/settings/table.ts'
import { items, readPage, section } from '../../documents/man-page.ts'
import { listInC, textInC } from '../built-in-c.ts'
import { source } from './client.ts'

/** The lists and numbers of onescanc, held against their sources. */

const text = textInC(source)

const list = (name: string) => listInC(text, name)

function named(page: string): string[] {
  const mdoc = section(readPage(page), 'ENVIRONMENT')
  return items(mdoc).flatMap(([tag]) => {
    const [, names] = /^Ev (.*)$/.exec(tag) ?? []
    return names === undefined ? [] : names.split(' , ')
  })
}

/** The settings that onescanc(8) obeys itself and does not send. */
const itsOwn = [
  'LOGFILE',
  'SPOOLDIR',
  'TMPDIR',
  ...[...readFromCaller].flatMap(([name, kind]) => (kind === undefined ? [name] : [])),
]

/** The settings of onescand alone. */
const daemonsOwn = settingNames.filter((name) => settingTable[name].readers.join() === 'onescand')

t.test('the daemon is sent every variable of onescan-settings(5) except its own', async (t) => {
  const sent = list('sent_to_onescand')
  t.ok(sent.length > 30)
  t.same(
    [...sent, ...itsOwn, ...daemonsOwn].sort(),
    [...named('onescan-settings.5'), ...settingAliases].sort(),
  )
})

t.test('onescanc(8) names every variable that the client reads', async (t) => {
  const calls = text.matchAll(/\b(?:getenv|setting|number_setting)\("([A-Z_]+)"/g)
  const read = [...calls].map(([, name]) => name!)
  t.ok(read.length > 10)
  t.same([...new Set(named('onescanc.8'))].sort(), [...new Set([...read, 'PATH'])].sort())
})

t.test('the same variables are hidden from the next program as by onescan-queue', async (t) => {
  const hidden = list('hidden_from_next_program')
  const isHidden = (name: string) => hidden.some((start) => `${name}=`.startsWith(start))
  const names = [
    ...list('sent_to_onescand'),
    ...itsOwn,
    'QMAILQUEUE',
    'REJECTVIRUSES',
    'XNODE_A',
    'NODE',
    'PATH',
  ]
  for (const start of hidden) names.push(start.replace('=', ''), `${start.replace('=', '')}X`)
  for (const name of names)
    t.equal(isHidden(name), !(name in environmentOfNextProgram({ [name]: 'x' })), name)
})

t.test('onescanc(8) has the exit codes that the program chooses itself', async (t) => {
  const [, codes = ''] = /\benum exit_code \{([^}]*)\}/.exec(text) ?? []
  const numbers = [...codes.matchAll(/\bEXIT_[A-Z_]+ = (\d+)/g)].map(([, n]) => Number(n))
  t.equal(numbers.length, 12)
  const page = section(readPage('onescanc.8'), 'EXIT STATUS')
  const [, listed = ''] = /on its own exits with ([\d, or]+),/.exec(page) ?? []
  const own = numbers.filter((number) => number !== 82 && number !== 88)
  t.same(
    listed.split(/\D+/).map(Number),
    own.sort((a, b) => a - b),
  )
})
