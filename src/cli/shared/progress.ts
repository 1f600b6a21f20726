import { print } from './run-command.ts'

/** How far a long run is, for a person; lines of the result go between. */
export interface Progress {
  /** Bytes of mail that were looked at since the last call. */
  advance(bytes: number): void
  /** A line of the command's output. */
  line(text: string): void
  stop(): void
}

const CLEAR_LINE = '\r\x1b[K'

/** A bar on stderr where that is a terminal, else nothing: a log has no use for it. */
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

/** Bytes as people say them: "12 KB", "3.4 MB". */
export function sizeInWords(bytes: number): string {
  return bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} KB` : `${(bytes / 1e6).toFixed(1)} MB`
}
