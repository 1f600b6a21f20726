import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { zipSync } from 'fflate'
import { lacks } from '../../../../needs.mjs'

/** Archives that real programs make of one file, for tests; each is made in `directory`. */

type Pack = (path: string, directory: string) => Buffer

const run = (program: string, words: readonly string[], cwd: string) =>
  execFileSync(program, words, { cwd, stdio: ['ignore', 'pipe', 'pipe'] })

/** What `program words… NAME` leaves in the file `archive` of the file's own directory. */
const packedBy =
  (program: string, words: readonly string[], archive: string): Pack =>
  (path) => {
    run(program, [...words, basename(path)], dirname(path))
    const packed = readFileSync(join(dirname(path), archive))
    rmSync(join(dirname(path), archive))
    return packed
  }

const zip = (name: string, content: Uint8Array) =>
  Buffer.from(zipSync({ [name]: new Uint8Array(content) }))

/** All forms that clamd opens and a program of Debian makes. No free program makes RAR. */
export const packers: Readonly<Record<string, Pack>> = {
  zip: (path) => zip(basename(path), readFileSync(path)),
  'zip in a zip': (path) => zip('inner.zip', zip(basename(path), readFileSync(path))),
  'encrypted zip': packedBy('zip', ['-qP', 'secret', 'a.zip'], 'a.zip'),
  '7z': packedBy('7z', ['a', '-bd', 'a.7z'], 'a.7z'),
  tar: packedBy('tar', ['-cf', 'a.tar'], 'a.tar'),
  'tar.gz': packedBy('tar', ['-czf', 'a.tgz'], 'a.tgz'),
  'tar.xz': packedBy('tar', ['-cJf', 'a.txz'], 'a.txz'),
  cab: packedBy('gcab', ['-c', 'a.cab'], 'a.cab'),
  iso: packedBy('genisoimage', ['-quiet', '-J', '-o', 'a.iso'], 'a.iso'),
  arj: packedBy('arj', ['a', '-y', 'a.arj'], 'a.arj'),
  'docx with a file in it': (path) =>
    Buffer.from(
      zipSync({
        '[Content_Types].xml': Buffer.from('<?xml version="1.0"?><Types/>'),
        'word/document.xml': Buffer.from('<?xml version="1.0"?><w:document/>'),
        [`word/embeddings/${basename(path)}`]: new Uint8Array(readFileSync(path)),
      }),
    ),
}

/** Why tests with all of these are skipped, or false. */
export const packerMissing: string | false = lacks(
  ...['zip', '7z', 'xz', 'gcab', 'genisoimage', 'arj'],
)

/** An archive of this form with a file of that name and some text. */
export function archiveOf(form: string, name: string, directory: string): Buffer {
  const place = join(directory, form.replaceAll(' ', '-'))
  mkdirSync(place, { recursive: true })
  writeFileSync(join(place, name), `some text in ${name}\n`)
  return packers[form]!(join(place, name), place)
}

/** A member of a tar (POSIX.1-2017, ustar) with this type. */
export function tarMember(name: string, type: string, content: string | Buffer): Buffer {
  const data = Buffer.from(content as string)
  const header = Buffer.alloc(512)
  header.write(name)
  header.write('0000644\0', 100)
  header.write(`${data.length.toString(8).padStart(11, '0')} `, 124)
  header.write('00000000000 ', 136)
  header.write('        ', 148)
  header.write(type, 156)
  header.write('ustar\x0000', 257)
  const sum = header.reduce((sum, byte) => sum + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return Buffer.concat([header, data, Buffer.alloc(-data.length & 511)])
}
