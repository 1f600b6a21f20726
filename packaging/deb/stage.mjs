// The tree that dpkg-deb packs.
import { createHash } from 'node:crypto'
import {
  chmodSync,
  copyFileSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'

/** An empty tree at `directory`; `seconds` is the time of everything in it. */
export function makeStage(directory, seconds) {
  rmSync(directory, { recursive: true, force: true })
  mkdirSync(join(directory, 'DEBIAN'), { recursive: true })

  function write(path, { text, copyOf, linkTo, mode = 0o644 }) {
    const target = join(directory, path)
    mkdirSync(dirname(target), { recursive: true })
    if (linkTo !== undefined) return symlinkSync(linkTo, target)
    const content = text ?? (path.endsWith('.gz') ? readFileSync(copyOf) : undefined)
    if (content === undefined) copyFileSync(copyOf, target)
    else writeFileSync(target, path.endsWith('.gz') ? gzipped(content) : content)
    chmodSync(target, mode)
  }

  const paths = () => entriesUnder(directory, '').filter((path) => !path.startsWith('DEBIAN/'))
  const isFile = (path) => lstatSync(join(directory, path)).isFile()

  return {
    directory,
    /** A file with `text` or the bytes of `copyOf`, compressed where it is named .gz; or a link. */
    add: write,
    /** A control file. */
    control: (name, text, mode = 0o644) => write(`DEBIAN/${name}`, { text, mode }),
    paths,
    /** deb-md5sums(5) */
    checksums: () =>
      paths()
        .filter(isFile)
        .map((path) => `${md5(readFileSync(join(directory, path)))}  ${path}\n`)
        .join(''),
    /** deb-control(5), Installed-Size: files in whole KiB, and 1 for all else. */
    kibibytes: () =>
      paths()
        .map((path) => (isFile(path) ? Math.ceil(lstatSync(join(directory, path)).size / 1024) : 1))
        .reduce((sum, size) => sum + size, 0),
    /** The last step: writing into a directory changes its time. */
    seal() {
      for (const path of ['', ...entriesUnder(directory, '', true)]) {
        const target = join(directory, path)
        if (lstatSync(target).isDirectory()) chmodSync(target, 0o755) // whatever the umask is
        lutimesSync(target, seconds, seconds)
      }
    },
  }
}

/** Without time and system, which node writes into neither but the system into the tenth byte. */
function gzipped(content) {
  const bytes = gzipSync(content, { level: 9 })
  bytes[9] = 3
  return bytes
}

function md5(content) {
  return createHash('md5').update(content).digest('hex')
}

function entriesUnder(directory, prefix, withDirectories = false) {
  return readdirSync(join(directory, prefix), { withFileTypes: true })
    .sort((entry, other) => (entry.name < other.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(prefix, entry.name)
      if (!entry.isDirectory()) return [path]
      const inside = entriesUnder(directory, path, withDirectories)
      return withDirectories ? [path, ...inside] : inside
    })
}
