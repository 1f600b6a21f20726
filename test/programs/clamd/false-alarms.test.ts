import { execFileSync } from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { attached, file, message, multipart, text } from '../../mail/mime/nested-mail.ts'
import { lacks } from '../../needs.mjs'
import { until } from '../../run/until.ts'
import { runSlot } from '../../scanner/doors/slot/slot.ts'
import { clamdMissing, startClamd } from '../servers/clamd.ts'

/** What onescan-clamav(7), FALSE POSITIVES, describes, with a real clamd. */

const page = readFileSync(join(import.meta.dirname, '../../../man/onescan-clamav.7'), 'utf8')
/** The page's command that begins with these words. */
function command(beginning: string): string {
  const [line] =
    page.match(new RegExp(`(?<=^\\.Dl # )(?:\\(umask 022; )?${beginning}.*$`, 'm')) ?? []
  if (line === undefined) throw new Error(`the page has no command ${beginning}`)
  return line
}

const tool = 'MZ, a file of ours: TOOL\0\x01'
const otherTool = `${tool}, of somebody else`
const signatures = ['Win.Test.Tool-1:0:*:544f4f4c', 'Win.Test.Virus-1:0:*:5649525553', '']
const toolsMissing = lacks('sigtool', 'clamdscan')
const skip = clamdMissing || toolsMissing

t.test(
  'clamd has no false alarm for mail that onescan reads as documented',
  { skip },
  async (t) => {
    const clamd = await startClamd(t, { database: { 'own.ndb': signatures.join('\n') } })
    const packed = gzipSync(tool)
    const archive = packed.toString('latin1')
    const directory = t.testdir({ 'tools.exe': tool, 'tools.exe.gz': packed })

    const settings = { QHPSI: 'plugin: clamd', CLAMD: clamd.socket, REJECTVIRUS: '1' }
    const isIn = async (...parts: readonly string[]) => {
      const mail = message(multipart([text, ...parts]))
      const { logged } = await runSlot({ message: mail, settings })
      const [, decision, found] = / decision=(\w+) scan=(\w+) /.exec(logged) ?? []
      return decision === 'accept' && found === 'clean'
    }
    const database = join(clamd.directory, 'db')
    /** Runs commands of the page in the place of its files. */
    const run = (line: string) =>
      execFileSync('sh', ['-ec', line.replace('/var/lib/clamav', database)], { cwd: directory })
    const reload = command('clamdscan').replace('clamdscan', `clamdscan -c ${clamd.configFile}`)
    /** Has clamd load what was written; asks until it has, which is not at once. */
    async function load(part: string, isLeftAlone: boolean) {
      run(reload)
      while ((await isIn(part)) !== isLeftAlone);
    }

    t.equal(await isIn(file(tool)), false)
    for (const [list, beginning] of [
      ['local.sfp', 'sigtool --sha256'],
      ['local.fp', 'sigtool --md5'],
    ] as const) {
      run(command(beginning))
      await load(file(tool), true)
      t.equal(await isIn(file(archive)), true, 'in an archive')
      t.equal(await isIn(attached(file(tool))), true, 'in an attached mail')
      t.equal(await isIn(file(tool), file(tool)), true, 'twice')
      t.equal(await isIn(file(tool), file(otherTool)), false, 'beside another file')
      t.equal(await isIn(file(otherTool), file(tool)), false, 'behind another file')
      t.equal(await isIn(file(tool), file('a VIRUS')), false, 'beside a virus')
      rmSync(join(database, list))
      await load(file(tool), false)
    }

    run(command('sigtool --sha256').replace('tools.exe', 'tools.exe.gz'))
    await load(file(archive), true)
    t.equal(await isIn(file(tool)), true, 'what is in the archive is left alone by itself, too')
    rmSync(join(database, 'local.sfp'))

    writeFileSync(join(directory, 'tools.exe'), 'A TOOL in a text\n')
    run(command('sigtool --sha256'))
    const asItStands = 'Content-Type: text/plain; name=a.txt\n\nA TOOL in a text\n'
    await load(file('A TOOL in a text\n'), true)
    t.equal(await isIn(asItStands), false, 'a text that is not encoded is found in the mail')

    run(command('echo'))
    await load(asItStands, true)
    t.equal(await isIn(file(otherTool)), true, 'the signature counts no more')
    t.equal(await isIn(file('a VIRUS')), false, 'another one does')

    writeFileSync(join(database, 'new.ndb'), 'Win.Test.New-1:0:*:4e4557\n')
    const complaints = () =>
      clamd.log.filter((line) => line.includes('keeping the previous')).length
    for (const nonsense of ['nonsense\n', '']) {
      writeFileSync(join(database, 'local.sfp'), nonsense)
      const before = complaints()
      run(reload)
      await until(() => complaints() > before, 'clamd complains')
    }
    t.equal(await isIn(file('something NEW')), true, 'clamd goes on by the old signatures')
    rmSync(join(database, 'local.sfp'))
    await load(file('something NEW'), false)
  },
)
