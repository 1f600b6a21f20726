// Which Debian sources the programs in C are linked with statically.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { muslVersion } from './musl.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** Of one program of a target: `NAME (= VERSION)` of each source. */
const noteOf = ({ arch }, name) => join(root, `build/libraries-${arch}`, name)

/** Notes what the linker's map says that the program took of static libraries. */
export function noteLibraries(target, name, map) {
  const archives = [...map.matchAll(/^(\S+\.a)\(\S+\)$/gm)].map(([, archive]) => archive)
  const sources = [...new Set(archives)].flatMap((archive) => sourceOf(target, archive) ?? [])
  const note = noteOf(target, name)
  mkdirSync(dirname(note), { recursive: true })
  writeFileSync(note, [...new Set(sources)].sort().join(', '))
}

/** What was noted when the program was linked; '' for one with shared libraries alone. */
export function librariesOf(target, name) {
  const note = noteOf(target, name)
  if (!existsSync(note)) throw new Error(`${note}: not there; run npm run build:client`)
  return readFileSync(note, 'utf8')
}

/** deb-control(5), Static-Built-Using; undefined for a library that no Debian package brought. */
function sourceOf(target, archive) {
  const [owner] = query(['--search', realpathSync(resolve(root, archive))]).split(': ')
  if (owner !== '') {
    return query(['--show', `--showformat=\${source:Package} (= \${source:Version})`, owner])
  }
  // Unpacked below build/; a rebuild of the same source adds to its version.
  if (archive.includes('-linux-musl/')) {
    return `musl (= ${muslVersion(target).replace(/\+b\d+$/, '')})`
  }
  return undefined
}

function query(words) {
  return spawnSync('dpkg-query', words, { encoding: 'utf8' }).stdout ?? ''
}
