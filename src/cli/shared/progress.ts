import { print } from './run-command.ts'

/** Shows a person how far a long run is. Lines of the result are printed above it. */
export interface Progress {
  /** Notes how many bytes of mail were looked at since the last call. */
  advance(bytes: number): void
  /** Prints a line of the command's output. */
  line(text: string): void
  stop(): void
}

const CLEAR_LINE = '\r\x1b[K'

/** Shows a bar on stderr if that is a terminal. In a log a bar would be of no use. */
export async function showProgress(total: number): Promise<Progress> {
  if (!process.stderr.isTTY || total === 0) {
    return { advance: () => {}, line: (text) => print(`${text}\n`), stop: () => {} }
  }
  const { SingleBar } = await import('cli-progress')
  const bar = new SingleBar({
    format: '{bar} {percentage} % of {size}, {eta_formatted} to go',
    barCompleteChar: '#',
    barIncompleteChar: '.',
    hideCursor: true,
    clearOnComplete: true,
  })
  bar.start(total, 0, { size: sizeInWords(total) })
  return {
    advance: (bytes) => bar.increment(bytes),
    line(text) {
      process.stderr.write(CLEAR_LINE)
      print(`${text}\n`)
      bar.updateETA()
    },
    stop: () => bar.stop(),
  }
}

/** A number of bytes for people: "12 KB", "3.4 MB". */
export function sizeInWords(bytes: number): string {
  return bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} KB` : `${(bytes / 1e6).toFixed(1)} MB`
}
