import { execFileSync } from 'node:child_process'
import { chownSync, mkdirSync, readdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { SWEEP_AGE, sweepSpool } from '../../src/message/sweep.ts'

const now = Date.now()
const old = (now - SWEEP_AGE - 1000) / 1000
const always = new AbortController().signal

t.test('the sweep removes what kill -9 left, by age and name, and nothing else', async (t) => {
  const sharedDirectory = t.testdir({
    'onescan-1-abc.msg': 'left long ago',
    'onescan-2-abc.msg': 'perhaps in use',
    'other-1-abc.msg': 'of another program',
    'onescan-dir-AbC123': { x: 'a private directory lies elsewhere' },
  })
  for (const name of ['onescan-1-abc.msg', 'other-1-abc.msg', 'onescan-dir-AbC123']) {
    utimesSync(join(sharedDirectory, name), old, old)
  }
  const directory = join(t.testdirName, 'other')
  mkdirSync(join(directory, 'onescan-dir-AbC123'), { recursive: true })
  writeFileSync(join(directory, 'kept'), '')
  writeFileSync(join(directory, 'onescan-file-new'), '')
  for (const name of ['onescan-file-1a2b', 'onescan-files']) {
    writeFileSync(join(directory, name), '')
    utimesSync(join(directory, name), old, old)
  }
  writeFileSync(join(directory, 'onescan-dir-AbC123/onescan-1-a.msg'), '')
  utimesSync(join(directory, 'onescan-dir-AbC123'), old, old)
  await sweepSpool({ directory, sharedDirectory }, now, always)
  t.same(readdirSync(sharedDirectory).sort(), [
    'onescan-2-abc.msg',
    'onescan-dir-AbC123',
    'other',
    'other-1-abc.msg',
  ])
  t.same(readdirSync(directory).sort(), ['kept', 'onescan-file-new', 'onescan-files'])
  await sweepSpool({ directory: join(directory, 'kept'), sharedDirectory: '/nowhere' }, now, always)
})

const notRoot = process.getuid?.() !== 0 && 'run as root'

t.test(
  'the sweep removes files of other users only from a SPOOLDIR of its own user',
  { skip: notRoot },
  async (t) => {
    const directory = t.testdir({
      spool: { 'onescan-1-a.msg': '' },
      theirs: { 'onescan-1-a.msg': '' },
    })
    for (const name of ['spool', 'theirs']) {
      chownSync(join(directory, name, 'onescan-1-a.msg'), 54_321, 54_321)
      utimesSync(join(directory, name, 'onescan-1-a.msg'), old, old)
    }
    chownSync(join(directory, 'theirs'), 54_322, 54_322)
    for (const name of ['spool', 'theirs']) {
      await sweepSpool({ directory, sharedDirectory: join(directory, name) }, now, always)
    }
    t.same(readdirSync(join(directory, 'spool')), [])
    t.same(readdirSync(join(directory, 'theirs')), ['onescan-1-a.msg'])
  },
)

t.test('the sweep follows no link', async (t) => {
  const directory = t.testdir({ precious: { file: '' } })
  symlinkSync('precious', join(directory, 'onescan-dir-AbC123'))
  execFileSync('touch', ['-h', '-d', `@${Math.floor(old)}`, join(directory, 'onescan-dir-AbC123')])
  mkdirSync(join(directory, 'onescan-dir-AbC124'))
  symlinkSync('../precious', join(directory, 'onescan-dir-AbC124/link'))
  utimesSync(join(directory, 'onescan-dir-AbC124'), old, old)
  await sweepSpool({ directory, sharedDirectory: undefined }, now, always)
  t.same(readdirSync(directory), ['precious'])
  t.same(readdirSync(join(directory, 'precious')), ['file'])
})

t.test(
  'the sweep reads a directory of very many files in slices, and ends at the signal',
  async (t) => {
    const directory = t.testdir({})
    for (let n = 0; n < 1000; n++) writeFileSync(join(directory, `${n}`), '')
    const over = new AbortController()
    let turns = 0
    const timer = setInterval(() => turns++, 1)
    await sweepSpool({ directory, sharedDirectory: undefined }, now, over.signal)
    clearInterval(timer)
    t.ok(turns >= 3, 'others had their turns')
    over.abort()
    await sweepSpool({ directory, sharedDirectory: undefined }, now, over.signal)
  },
)
