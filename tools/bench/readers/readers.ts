import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findProgram } from '../../../test/needs.mjs'
import { signs } from '../../../test/scanner/scan/scanners/evasions/files.ts'
import { canCompile, compiledReaders, compileReader } from './compiled.ts'
import { extractors, startExtractor } from './extractors.ts'
import type { Reader } from './reader.ts'
import { resident } from './resident.ts'
import { dovecot, reformime } from './sections.ts'
import { THUNDERBIRD, thunderbird } from './thunderbird.ts'

/** Programs that stand for those that people read mail with. */
export interface Readers {
  /** All that are there. */
  readonly names: readonly string[]
  /** Those that have one of the files of test/scanner/scan/scanners/evasions in their hands once they decoded the message. */
  opening(message: Buffer): Promise<string[]>
  stop(): Promise<void>
}

export interface ReadersOptions {
  /** Those that are too heavy for `npm test`, too. */
  readonly all?: boolean
}

const read = (name: string) => join(import.meta.dirname, 'read', name)
const PYTHON = '/usr/bin/python3'
const DOVECOT_IMAP = '/usr/lib/dovecot/imap'
const JARS = ['javax.mail', 'javax.activation', 'apache-mime4j-core', 'commons-io'].map(
  (name) => `/usr/share/java/${name}.jar`,
)

interface Program {
  readonly names: readonly string[]
  readonly debianPackages: string
  readonly benchOnly?: true
  isThere(): boolean
  /** Of a process that lasts (resident.ts); what it compiles goes to `directory`. */
  command?(directory: string): readonly string[]
  /** Of other readers, whose directories go to `directory`; see resident.ts for `signsFile`. */
  start?(signsFile: string, directory: string): Reader
}

const succeeds = (command: string, args: string[]) => spawnSync(command, args).status === 0

const programs: readonly Program[] = [
  {
    names: ['mailparser', 'postal-mime'],
    debianPackages: '',
    isThere: () => true,
    command: () => [process.execPath, read('node.mjs')],
  },
  {
    names: ['email (old)', 'email', 'GMime'],
    debianPackages: 'gir1.2-gmime-3.0 python3-gi',
    isThere: () => succeeds(PYTHON, ['-c', "import gi; gi.require_version('GMime', '3.0')"]),
    command: () => [PYTHON, '-B', read('python.py')],
  },
  {
    names: ['MIME::Parser', 'Email::MIME'],
    debianPackages: 'libmime-tools-perl libemail-mime-perl',
    isThere: () => succeeds('perl', ['-MMIME::Parser', '-MEmail::MIME', '-e1']),
    command: () => ['perl', read('perl.pl')],
  },
  {
    names: ['ruby mail'],
    debianPackages: 'ruby-mail',
    isThere: () => succeeds('ruby', ['-rmail', '-e1']),
    command: () => ['ruby', read('ruby.rb')],
  },
  {
    names: ['reformime'],
    debianPackages: 'maildrop',
    isThere: () => findProgram('reformime') !== undefined,
    start: reformime,
  },
  ...extractors.map(
    (extractor): Program => ({
      names: [extractor.name],
      debianPackages: extractor.debianPackages,
      ...(extractor.benchOnly && { benchOnly: true }),
      isThere: () =>
        extractor.programs.every((name) => existsSync(name) || findProgram(name) !== undefined),
      start: (_, directory) => startExtractor(extractor, directory),
    }),
  ),
  {
    names: ['Dovecot', 'Dovecot BODYSTRUCTURE'],
    debianPackages: 'dovecot-imapd',
    benchOnly: true,
    isThere: () => existsSync(DOVECOT_IMAP) && process.getuid?.() === 0,
    start(signsFile, directory) {
      return dovecot(this.names, signsFile, directory)
    },
  },
  {
    names: ['PHP mailparse'],
    debianPackages: 'php-cli php-mailparse',
    benchOnly: true,
    isThere: () => succeeds('php', ['-r', 'exit(extension_loaded("mailparse") ? 0 : 1);']),
    command: () => ['php', read('mailparse.php')],
  },
  {
    names: ['Camel'],
    debianPackages: 'gir1.2-camel-1.2 python3-gi',
    benchOnly: true,
    isThere: () => succeeds(PYTHON, ['-c', "import gi; gi.require_version('Camel', '1.2')"]),
    command: () => [PYTHON, '-B', read('camel.py')],
  },
  {
    names: ['Go mime'],
    debianPackages: 'golang-go',
    benchOnly: true,
    isThere: () => findProgram('go') !== undefined,
    command(directory) {
      const program = join(directory, 'go-mime')
      execFileSync('go', ['build', '-o', program, read('go/main.go')])
      return [program]
    },
  },
  {
    names: ['JavaMail', 'mime4j'],
    debianPackages: 'default-jdk-headless libmail-java libapache-mime4j-java',
    benchOnly: true,
    isThere: () => findProgram('javac') !== undefined && JARS.every((path) => existsSync(path)),
    command(directory) {
      const sources = ['Serve', 'JavaMail', 'Mime4j'].map((name) => read(`java/${name}.java`))
      execFileSync('javac', ['-cp', JARS.join(':'), '-d', directory, ...sources])
      // Its warnings on standard output would be taken for answers.
      return [
        'java',
        '-XX:+DisplayVMOutputToStderr',
        '-cp',
        [...JARS, directory].join(':'),
        'Serve',
      ]
    },
  },
  ...compiledReaders.map(
    (reader): Program => ({
      names: [reader.name],
      debianPackages: reader.debianPackages,
      benchOnly: true,
      isThere: () => canCompile(reader),
      command: (directory) => [compileReader(reader, directory)],
    }),
  ),
  {
    names: ['Thunderbird'],
    debianPackages: 'thunderbird',
    benchOnly: true,
    isThere: () => existsSync(THUNDERBIRD),
    start: (_, directory) => thunderbird(directory),
  },
]

const wanted = ({ all }: ReadersOptions) => programs.filter(({ benchOnly }) => all || !benchOnly)

/** Debian packages that readers of the bench need and this machine lacks. */
export function missingReaders(options: ReadersOptions = {}): string[] {
  return wanted(options)
    .filter((program) => !program.isThere())
    .map(({ debianPackages }) => debianPackages)
}

/** Starts what is there; each of them works at one message at a time. */
export function startReaders(options: ReadersOptions = {}): Readers {
  const directory = mkdtempSync(join(tmpdir(), 'onescan-readers-'))
  chmodSync(directory, 0o755)
  const signsFile = join(directory, 'signs')
  const lines = signs.map(({ kind, bytes }) => `${kind} ${bytes.toString('hex')}\n`)
  writeFileSync(signsFile, lines.join(''))
  const readers = wanted(options)
    .filter((program) => program.isThere())
    .map((program) => {
      const command = program.command?.(directory)
      return command
        ? resident(command, program.names, signsFile)
        : program.start!(signsFile, directory)
    })
  return {
    names: readers.flatMap(({ names }) => names),
    async opening(message) {
      return (await Promise.all(readers.map((reader) => reader.ask(message)))).flat()
    },
    async stop() {
      await Promise.all(readers.map((reader) => reader.stop?.()))
      rmSync(directory, { recursive: true, force: true })
    },
  }
}
