import { spawnSync } from 'node:child_process'
import t from 'tap'
import { armour } from '../../../../src/mail/mime/decoders/armour.ts'
import { lacks } from '../../../needs.mjs'
import { ways } from './decode.ts'

const decoded = (text: string) => ways(armour, text)

t.test('armour is decoded without what is not base64, up to its checksum or end', async (t) => {
  const rows: Readonly<Record<string, string>> = {
    '\nYWJj\nZGVm\n-----END X-----\nZ2hp\n': 'abcdef',
    'Version: 1\r\nComment:\r\n\r\nYWJj\r\n=njUN\r\nZ2hp': 'abc',
    'YW Jj\n> ZGVm\n- Z2hp': 'abcdefghi',
    'YWJj\n***\n***\n***\n***\n***\nZGVm': 'abcdef',
    'YW\0Jj\nZG\xe4Vm': 'abcdef',
    'YWJj\n -----END\n': 'abc\x10\xd0',
    '\nWA: YWJj': 'X\x06\x16&',
    'YW\n\nJj\n': 'abc',
    'YW:Jj: YWJj\n': 'abcabc',
    'YWJj:': '',
    '': '',
  }
  for (const [text, expected] of Object.entries(rows)) {
    t.equal(decoded(text).common, expected, JSON.stringify(text))
  }
})

t.test('gpgsm takes what looks like a field in armour for data', async (t) => {
  t.same(decoded('YWJj: \n\nZGVm'), { common: 'def', 'armour field is data': 'abcdef' })
})

const noGpg = lacks('gpg')

t.test('GnuPG takes the same out of armour', { skip: noGpg }, async (t) => {
  // A literal packet, so that there is something to show.
  const data = Buffer.from('cb0e620000000000737469636b7320', 'hex').toString('base64')
  for (const lines of [
    [data],
    [...data],
    [`> ${data}`],
    [`${data.slice(0, 5)} *\xe4\v\0${data.slice(5)}`],
    [data.slice(0, 8), '*****', '*****', '*****', '*****', data.slice(8)],
    ['Comment: any', '', data],
  ]) {
    const head = lines[0]?.startsWith('Comment') ? [] : ['']
    const text = `${[...head, ...lines, '=', '-----END PGP MESSAGE-----'].join('\n')}\n`
    const { stdout } = spawnSync('gpg', ['--batch', '--no-autostart', '--dearmor'], {
      input: Buffer.from(`-----BEGIN PGP MESSAGE-----\n${text}`, 'latin1'),
    })
    t.equal(decoded(text).common, stdout.toString('latin1'), JSON.stringify(text))
  }
})
