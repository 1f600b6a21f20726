import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { findProgram } from '../../../test/needs.mjs'

/** A library that mail programs read with, in a program of read/c/ that lasts. */
export interface CompiledReader {
  readonly name: string
  /** In read/c/; another file there, serve.c, asks it. */
  readonly source: string
  /** The libraries, in words for the linker. */
  readonly libraries: readonly string[]
  readonly directories?: readonly string[]
  /** A header, by which it is known that the packages are there. */
  readonly header: string
  readonly debianPackages: string
}

const KMIME = '/usr/include/KF5/KMime'
const QT = `/usr/include/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu/qt5`

export const compiledReaders: readonly CompiledReader[] = [
  {
    name: 'KMime',
    source: 'kmime.cpp',
    libraries: ['-lKF5Mime', '-lQt5Core'],
    directories: [KMIME, '/usr/include/KF5', QT, `${QT}/QtCore`],
    header: `${KMIME}/KMime/Message`,
    debianPackages: 'g++ libkf5mime-dev',
  },
  {
    name: 'GNU mailutils',
    source: 'mailutils.c',
    libraries: ['-lmailutils'],
    header: '/usr/include/mailutils/mailutils.h',
    debianPackages: 'gcc libmailutils-dev',
  },
  {
    name: 'libEtPan',
    source: 'libetpan.c',
    libraries: ['-letpan'],
    header: '/usr/include/libetpan/libetpan.h',
    debianPackages: 'gcc libetpan-dev',
  },
  {
    name: 'c-client',
    source: 'c-client.c',
    libraries: ['-lc-client'],
    header: '/usr/include/c-client/c-client.h',
    debianPackages: 'gcc libc-client2007e-dev',
  },
  {
    name: 'VMime',
    source: 'vmime.cpp',
    libraries: ['-lvmime'],
    header: '/usr/include/vmime/vmime.hpp',
    debianPackages: 'g++ libvmime-dev',
  },
]

const compilerOf = ({ source }: CompiledReader) => (source.endsWith('.c') ? 'gcc' : 'g++')

export function canCompile(reader: CompiledReader): boolean {
  return existsSync(reader.header) && findProgram(compilerOf(reader)) !== undefined
}

/** Compiles it into the directory; returns the program's path. */
export function compileReader(reader: CompiledReader, directory: string): string {
  const { source, libraries, directories = [] } = reader
  const here = join(import.meta.dirname, 'read/c')
  const program = join(directory, source.replace(/\..*/, ''))
  const asked = `${program}-serve.o`
  const flags = ['-O1', '-fPIC', '-D_GNU_SOURCE']
  execFileSync('gcc', [...flags, '-c', join(here, 'serve.c'), '-o', asked])
  const includes = directories.map((path) => `-I${path}`)
  const words = [...flags, '-w', ...includes, join(here, source), asked, ...libraries]
  execFileSync(compilerOf(reader), [...words, '-o', program])
  return program
}
