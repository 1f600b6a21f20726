import { chmodSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { lacks } from '../../needs.mjs'
import { openDirectory } from '../../programs/host/reachable.ts'
import { asPlain, onescan } from './onescan.ts'

const notRoot = lacks('root')

t.test('disable makes the switch and enable removes it, any number of times', async (t) => {
  const control = t.testdir({})
  const file = join(control, 'onescan.off')
  const words = ['--control', control]
  t.match(await onescan(['disable', ...words]), {
    code: 0,
    out: 'all mail of this qmail is accepted unscanned',
  })
  t.ok(existsSync(file))
  t.match(await onescan(['disable', ...words]), { code: 0, out: 'scanning is already disabled: ' })
  t.ok(existsSync(file))
  t.match(await onescan(['enable', ...words]), { code: 0, out: `removed ${file}` })
  t.notOk(existsSync(file))
  t.match(await onescan(['enable', ...words]), { code: 0, out: `no ${file}` })
})

t.test(
  'disable and enable print which interfaces obey, and list all programs as JSON',
  async (t) => {
    for (const command of ['disable', 'enable']) {
      const control = t.testdir({})
      const { out } = await onescan([command, '--control', control])
      t.match(out, `this affects interfaces with the control directory ${control} `)
      const { results } = JSON.parse((await onescan([command, '--json', '--control', control])).out)
      const doors = ['onescan-queue', 'onescanc', 'onescan-rcptquota', 'onescand']
      t.match(results, [{ control, doors }])
    }
  },
)

t.test('the switch is created where onescan-queue looks for it', async (t) => {
  const home = t.testdir({ control: {}, other: {} })
  await onescan(['disable'], { env: { QMAILHOME: home } })
  t.ok(existsSync(join(home, 'control/onescan.off')))
  await onescan(['disable'], { env: { QMAILHOME: home, CONTROLDIR: 'other' } })
  t.ok(existsSync(join(home, 'other/onescan.off')))
})

t.test('a directory that hides onescan.off from other users is reported', async (t) => {
  const control = t.testdir({})
  chmodSync(control, 0o750)
  const { code, err } = await onescan(['disable', '--control', control])
  t.equal(code, 2)
  t.match(
    err,
    `${control}: mode 0750 hides onescan.off from other users: their programs still scan; run chmod o+x`,
  )
})

t.test(
  'the remedy is printed if the switch cannot be created or removed',
  { skip: notRoot },
  async (t) => {
    const control = openDirectory(t)
    const file = join(control, 'onescan.off')
    const refused = {
      code: 2,
      err: `${file}: permission denied; run this as root, or as an account that may write to ${control}`,
    }
    const asked = (command: string) =>
      onescan([command, '--control', control], { around: asPlain() })
    t.match(await asked('disable'), refused)
    t.equal((await onescan(['disable', '--control', control])).code, 0)
    t.match(await asked('enable'), refused)
  },
)

t.test('if the switch cannot be made or removed, the exit code is 2', async (t) => {
  const directory = t.testdir({})
  t.match(await onescan(['disable', '--control', join(directory, 'missing')]), {
    code: 2,
    err: /missing\/onescan\.off: no such file or directory; specify the control directory with --control/,
  })
  writeFileSync(join(directory, 'file'), '')
  t.match(await onescan(['disable', '--control', join(directory, 'file')]), {
    code: 2,
    err: /file\/onescan\.off: not a directory; specify the control directory with --control/,
  })
  symlinkSync(join(directory, 'nowhere'), join(directory, 'onescan.off'))
  t.match(await onescan(['disable', '--control', directory]), {
    code: 2,
    err: /is a link to a file that does not exist, so scanning is still enabled/,
  })
  rmSync(join(directory, 'onescan.off'))
  mkdirSync(join(directory, 'onescan.off'))
  t.equal((await onescan(['enable', '--control', directory])).code, 2)
})
