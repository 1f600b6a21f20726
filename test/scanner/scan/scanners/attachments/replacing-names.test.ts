import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { crc32, gzipSync } from 'node:zlib'
import t from 'tap'
import { lacks } from '../../../../needs.mjs'
import { sample } from '../clamd/task.ts'
import { BASE64, base64, multipart, part } from '../evasions/compose.ts'
import { tarMember } from './archives.ts'
import { archivePolicy, searched } from './mail.ts'

/**
 * Archives whose fields have programs show another name than the plain one, which clamd matches: the name that
 * programs show is banned with ARCHIVEBANS.
 */

const PLAIN = 'letter.txt'

/** A zip with a file of this plain name, and a Unicode Path (Info-ZIP's APPNOTE, 0x7075). */
function zipShown(shown: string, plain = PLAIN): Buffer {
  const [name, path, data] = [plain, shown, 'x'].map((text) => Buffer.from(text))
  const field = Buffer.alloc(9)
  field.write('up')
  field.writeUInt16LE(5 + path!.length, 2)
  field[4] = 1
  field.writeUInt32LE(crc32(name!), 5)
  const about = Buffer.alloc(26)
  about.writeUInt16LE(20) // the version that is needed
  about.writeUInt16LE(0x21, 8) // 1980-01-01
  about.writeUInt32LE(crc32(data!), 10)
  about.writeUInt32LE(1, 14)
  about.writeUInt32LE(1, 18)
  about.writeUInt16LE(name!.length, 22)
  about.writeUInt16LE(field.length + path!.length, 24)
  const names = [name!, field, path!]
  const local = Buffer.concat([Buffer.from('PK\x03\x04'), about, ...names, data!])
  const entry = [Buffer.from('PK\x01\x02'), Buffer.of(20, 0), about, Buffer.alloc(14), ...names]
  const central = Buffer.concat(entry)
  const end = Buffer.alloc(22)
  end.write('PK\x05\x06')
  end.writeUInt16LE(1, 8)
  end.writeUInt16LE(1, 10)
  end.writeUInt32LE(central.length, 12)
  end.writeUInt32LE(local.length, 16)
  return Buffer.concat([local, central, end])
}

/** A tar with a file of the plain name, and a member before it that names it. */
const tarShown = (type: string, content: string) =>
  Buffer.concat([
    tarMember('before', type, content),
    tarMember(PLAIN, '0', 'x'),
    Buffer.alloc(1024),
  ])
const record = (text: string) => `${text.length + 4} ${text}\n`
const paxShown = (shown: string) =>
  tarShown('x', `${record('mtime=123456')}${record(`path=${shown}`)}`)
const gnuShown = (shown: string) => tarShown('L', `${shown}\0`)

/** The result about a message with this archive attached. */
async function judge(archive: Buffer) {
  const attached = part(['Content-Type: application/octet-stream', BASE64], base64(archive))
  const mail = `From: a@example.org\nMIME-Version: 1.0\n${multipart('mixed', [attached])}`
  return (await searched(sample(Buffer.from(mail, 'latin1')), archivePolicy)).result
}

const forms: Readonly<Record<string, (shown: string) => Buffer>> = {
  "zip's Unicode Path": (shown) => zipShown(shown),
  "pax's path": paxShown,
  "GNU tar's long name": gnuShown,
  'pax in gzip': (shown) => gzipSync(paxShown(shown)),
  'a tar behind a megabyte, in gzip': (shown) =>
    gzipSync(Buffer.concat([tarMember('a', '0', 'x'.repeat(1024 * 1024)), gnuShown(shown)])),
  'a zip behind something else': (shown) => Buffer.concat([Buffer.alloc(262_140), zipShown(shown)]),
}

for (const [name, make] of Object.entries(forms)) {
  t.test(`a banned name in ${name}`, async (t) => {
    for (const shown of ['run.exe', 'a/b/run.EXE', 'run.exe. ']) {
      t.match(await judge(make(shown)), { answer: 'infected', isBanned: true }, shown)
    }
    for (const shown of ['Übung.txt', 'run.exe.txt', 'exe']) {
      t.match(await judge(make(shown)), { answer: 'clean' }, shown)
    }
  })
}

const programs = lacks('unzip', '7z', 'bsdtar')
t.test('programs show these names', { skip: programs }, async (t) => {
  const place = t.testdir()
  const list = (archive: Buffer, program: string, ...words: string[]) => {
    const file = join(place, 'archive')
    writeFileSync(file, archive)
    return execFileSync(program, [...words, file]).toString()
  }
  for (const archive of [zipShown('run.exe'), paxShown('run.exe'), gnuShown('run.exe')]) {
    const isZip = archive.toString('latin1', 0, 2) === 'PK'
    const unpack = isZip ? (['unzip', '-Z1'] as const) : (['tar', '-tf'] as const)
    for (const [program, ...words] of [unpack, ['7z', 'l', '-ba'], ['bsdtar', '-tf']] as const) {
      const listed = list(archive, program, ...words)
      t.match(listed, 'run.exe', program)
      t.notMatch(listed, PLAIN, program)
    }
  }
})

t.test('a field that is too long is not read', async (t) => {
  const long = tarShown('x', `${record('comment=x')}${'x'.repeat(70_000)}`)
  t.match(await judge(long), { answer: 'unread', kind: 'contents' })
  const bomb = gzipSync(Buffer.concat([gnuShown('a.txt'), Buffer.alloc(64 * 1024 * 1024)]))
  t.match(await judge(bomb), { answer: 'unread', kind: 'contents' })
})

t.test('ordinary archives are clean', { skip: lacks('zip', '7z', 'bsdtar') }, async (t) => {
  const place = t.testdir()
  const names = ['Übung.txt', 'a.txt', `${'long-'.repeat(30)}name.txt`, '請求書.txt']
  for (const name of names) writeFileSync(join(place, name), `text of ${name}\n`)
  const pack = (archive: string, program: string, ...words: string[]) => {
    execFileSync(program, [...words, archive, ...names], {
      cwd: place,
      env: { ...process.env, LC_ALL: 'C.UTF-8' },
      stdio: 'pipe',
    })
    return readFileSync(join(place, archive))
  }
  const archives = {
    zip: pack('zip.zip', 'zip', '-q'),
    '7z': pack('7z.zip', '7z', 'a', '-bd'),
    'GNU tar': pack('gnu.tar', 'tar', '-cf'),
    'GNU tar, pax': pack('pax.tar.gz', 'tar', '--format=pax', '-czf'),
    bsdtar: pack('bsd.tar', 'bsdtar', '-cf'),
    'bsdtar, zip': pack('bsd.zip', 'bsdtar', '--format=zip', '-cf'),
  }
  for (const [name, archive] of Object.entries(archives)) {
    t.match(await judge(archive), { answer: 'clean' }, name)
  }
})
