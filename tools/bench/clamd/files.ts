import { randomBytes } from 'node:crypto'
import { closeSync, openSync, readSync } from 'node:fs'
import { deflateSync } from 'node:zlib'
import { zipSync } from 'fflate'

/** A type of file that people send. Every call makes another one, so that no clamd has seen its bytes. */
interface FileForm {
  readonly name: string
  readonly make: (serial: number) => Buffer
  /** How many make a turn. */
  readonly count: number
}

type Make = (size: number, serial: number) => Buffer

/** A picture, whose compressed data looks random. */
const jpeg: Make = (size) => {
  const tables = Buffer.from(
    `ffd8ffe000104a46494600010100000100010000ffdb004300${'10'.repeat(64)}ffc0000b080010001001011100ffda0008010100003f00`,
    'hex',
  )
  const data = randomBytes(size - tables.length - 2)
  for (let at = data.indexOf(0xff); at >= 0; at = data.indexOf(0xff, at)) data[at] = 0xfe
  return Buffer.concat([tables, data, Buffer.from('ffd9', 'hex')])
}

/** A document of one page, whose compressed content looks random. */
export const pdf: Make = (size) => {
  const stream = deflateSync(randomBytes(size - 500))
  const objects = [
    '<</Type/Catalog/Pages 2 0 R>>',
    '<</Type/Pages/Kids[3 0 R]/Count 1>>',
    '<</Type/Page/Parent 2 0 R/Contents 4 0 R>>',
    `<</Length ${stream.length}/Filter/FlateDecode>>\nstream\n${stream.toString('latin1')}\nendstream`,
  ].map((object, index) => `${index + 1} 0 obj\n${object}\nendobj\n`)
  const text = `%PDF-1.4\n%\xe2\xe3\xcf\xd3\n${objects.join('')}trailer\n<</Root 1 0 R>>\n%%EOF\n`
  return Buffer.from(text, 'latin1')
}

const zip: Make = (size) =>
  Buffer.from(zipSync({ 'picture.jpg': jpeg(size - 150, 0) }, { level: 6 }))

/** The header of this program, and some of its code. */
const elf: Make = (size, serial) => {
  const header = 4096
  const file = openSync(process.execPath, 'r')
  const bytes = Buffer.alloc(size)
  readSync(file, bytes, 0, header, 0)
  readSync(file, bytes, header, size - header, (1 + serial) * size)
  closeSync(file)
  randomBytes(8).copy(bytes, size - 8)
  return bytes
}

const makers: Readonly<Record<string, Make>> = {
  'random bytes': (size) => randomBytes(size),
  JPEG: jpeg,
  PDF: pdf,
  zip,
  ELF: elf,
}

const KB = 1024
const sizes = [
  ['100 KB', 100 * KB, 20],
  ['1 MB', 1024 * KB, 6],
] as const

/** Each type in each size. */
export const FILES: readonly FileForm[] = Object.entries(makers).flatMap(([name, make]) =>
  sizes.map(([words, size, count]) => ({
    name: `${name}, ${words}`,
    make: (serial: number) => make(size, serial),
    count,
  })),
)
