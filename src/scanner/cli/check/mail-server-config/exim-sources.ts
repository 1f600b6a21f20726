import { existsSync, readdirSync } from 'node:fs'
import { attempt } from '../../../../base/errors/fault.ts'
import { readStart } from '../../../../base/path/open.ts'
import { shellWord } from '../../../../base/text/shell-word.ts'
import { askProgram } from './ask-program.ts'

/** The files from which Debian generates Exim's configuration: update-exim4.conf(8). */

const UPDATE = '/usr/sbin/update-exim4.conf'
const DIRECTORY = '/etc/exim4'
/** A configuration of the administrator's own, which Exim reads instead. */
const OWN = `${DIRECTORY}/exim4.conf`
const MACROS = `${DIRECTORY}/exim4.conf.localmacros`
const TEMPLATE = `${DIRECTORY}/exim4.conf.template`
/** Upper limit for the bytes read of each file. */
const FILE_MAX = 1024 * 1024

/** The command with which this host's Exim uses a changed configuration. */
export const restartExim = (): string =>
  existsSync(UPDATE) ? 'update-exim4.conf && systemctl restart exim4' : 'systemctl restart exim'

/** What Exim would read after its next start. */
export interface EximSources {
  /** The configuration that update-exim4.conf generates, with comments, or '' if Exim reads another one. */
  readonly generated: string
  /** What Exim reports of it. */
  readonly complaint: string
  /** The text of each file that may be a part of it, by its path. */
  readonly files: ReadonlyMap<string, string>
}

/** Generates the configuration in a directory of its own, and has Exim read it. What Exim reports begins with a mark. */
const MARK = '# reported: '
const GENERATE = `umask 077; d=$(mktemp -d) && trap 'rm -rf "$d"' EXIT && ${UPDATE} --keepcomments --output "$d/config" && cat "$d/config" &&
  exim4 -C "$d/config" -bV 2>&1 >/dev/null | sed 's/^/${MARK}/'`

/** Resolves to what Exim would read, or undefined if the account that reads for root may not read all of it. */
export async function readEximSources(exim: string): Promise<EximSources | undefined> {
  if (!existsSync(UPDATE) || existsSync(OWN)) {
    const complaint = await askProgram([exim, '-bV']).then(() => '', String)
    const files = existsSync(UPDATE) ? readFiles() : new Map<string, string>()
    return { generated: '', complaint, files }
  }
  const printed = await askProgram(['/bin/sh', '-c', `exec 2>&1; ${GENERATE}`]).catch(() => '')
  if (printed === '' || /^(?:cat|ls|grep|\/bin\/sh): .*Permission denied$/m.test(printed))
    return undefined
  const lines = printed.split('\n')
  const isReported = (line: string) => line.startsWith(MARK)
  return {
    generated: lines.filter((line) => !isReported(line)).join('\n'),
    complaint: lines.filter(isReported).map((line) => line.slice(MARK.length)).join('\n'), // biome-ignore format: a line
    files: readFiles(),
  }
}

function readFiles(): Map<string, string> {
  const ofParts = attempt(() => readdirSync(`${DIRECTORY}/conf.d`, { recursive: true, encoding: 'utf8' })) ?? [] // biome-ignore format: a line
  const paths = [...ofParts.sort().map((name) => `${DIRECTORY}/conf.d/${name}`), MACROS, TEMPLATE]
  return new Map(
    paths.flatMap((path) => {
      const text = attempt(() => readStart(path, FILE_MAX).toString('latin1'))
      return text === undefined ? [] : [[path, text] as const]
    }),
  )
}

/** A line that Exim does not understand, so that it would not start. */
interface ConfigurationFault {
  /** `line 12 of /etc/exim4/exim4.conf.template`, or '' if Exim names none. */
  readonly place: string
  /** In the words of Exim. */
  readonly reason: string
}

/** Returns why Exim would not start with its configuration. */
export function startFault({
  generated,
  complaint,
  files,
}: EximSources): ConfigurationFault | undefined {
  const [, number, file, reason = ''] =
    /Exim configuration error(?: in line (\d+) of ([^\s:]+))?:?[ \t]*\n[ \t]*(.+)/.exec(
      complaint,
    ) ?? []
  if (reason === '') return undefined
  if (number === undefined) return { place: '', reason }
  const place =
    generated === '' ? undefined : sourceOf(generated.split('\n'), Number(number), files)
  return { place: place ?? `line ${number} of ${file}`, reason }
}

/** The comment before the text of a file in a generated configuration that is split. */
const PART = /^### (\/etc\/exim4\/\S+)$/

/** Returns the file and number of a line of the generated configuration. */
function sourceOf(
  lines: readonly string[],
  number: number,
  files: EximSources['files'],
): string | undefined {
  const at = number - 1
  const begun = lines.findLastIndex((line, index) => index < at && PART.test(line))
  const [, part] = PART.exec(lines[begun] ?? '') ?? []
  const sources = (part === undefined ? [MACROS, TEMPLATE] : [part]).flatMap((path) =>
    (files.get(path)?.split('\n') ?? []).map((text, index) => ({ path, text, number: index + 1 })),
  )
  const isEqual = (text: string) => text === lines[at]
  const before = lines.slice(begun + 1, at).filter(isEqual).length
  const found = sources.filter(({ text }) => isEqual(text))[before]
  return found && `line ${found.number} of ${found.path}`
}

/** A file with lines of onescan that Exim does not read. */
interface IgnoredFile {
  readonly path: string
  readonly reason: string
  readonly remedy: string
}

/** What a line about onescan or the scanner contains, except comments. */
const OF_ONESCAN = /\b(?:av_scanner|malware)[ \t]*=|onescan/

const isAboutOnescan = (text = '') =>
  text.split('\n').some((line) => OF_ONESCAN.test(line.split('#', 1)[0]!))

/** Returns the first file with lines of onescan that is not a part of the configuration. */
export function ignoredFile({ generated, files }: EximSources): IgnoredFile | undefined {
  const parts = generated.split('\n').flatMap((line) => PART.exec(line)?.[1] ?? [])
  const read = new Set(generated === '' || parts.length > 0 ? parts : [MACROS, TEMPLATE])
  const path = [...files.keys()].find((file) => !read.has(file) && isAboutOnescan(files.get(file)))
  if (path === undefined) return undefined
  if (generated === '') {
    const reason = `Exim reads ${OWN} instead`
    return { path, reason, remedy: `add its lines to ${OWN}, then run systemctl restart exim4` }
  }
  const isPart = path.startsWith(`${DIRECTORY}/conf.d/`)
  if (isPart && parts.length > 0) {
    const name = path.replace(/^.*\//, '')
    const reason = 'update-exim4.conf ignores a file whose name has other characters than letters, digits, "_" and "-"' // biome-ignore format: a line
    const renamed = path.slice(0, -name.length) + name.replace(/\.\w*$/, '').replace(/[^\w-]/g, '_')
    return {
      path,
      reason,
      remedy: `mv -n ${shellWord(path)} ${shellWord(renamed)} && ${restartExim()}`,
    }
  }
  const reason = `the configuration is ${isPart ? 'not ' : ''}split (dc_use_split_config in ${DIRECTORY}/update-exim4.conf.conf)`
  const to = isPart ? `${MACROS} or ${TEMPLATE}` : `files in ${DIRECTORY}/conf.d`
  return { path, reason, remedy: `move its lines to ${to} as doc/exim.md shows, then run ${restartExim()}` } // biome-ignore format: a line
}
